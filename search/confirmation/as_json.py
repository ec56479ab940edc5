"""The confirmation as programs read it: the `confirmation` of `report --json`."""

from typing import Any

from ..verdict.ablation import Effect
from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate
from ..verdict.verdict import Verdict
from .result import Arm, Confirmed, Tested
from .words import sentences


def to_json(confirmed: Confirmed) -> dict[str, Any]:
    """Finite numbers, strings, lists and dicts only; seeds are keys, so they are strings as JSON wants them."""
    verdict = confirmed.verdict
    found: dict[str, Any] = {
        "seeds": list(confirmed.seeds),
        "looks": {str(seen): name for seen, name in confirmed.looks.items()},
        "missing": confirmed.missing,
        "same_rows": confirmed.same_rows,
        "arms": {arm.name: _arm(arm, confirmed) for arm in confirmed.arms},
        "ablation": {effect.part: _effect(effect) for effect in confirmed.effects},
        "test": _tested(confirmed.tested) if confirmed.tested else None,
        "seconds": confirmed.seconds,
        "words": sentences(confirmed),
    }
    if verdict is not None:
        found |= {
            "winner": verdict.winner.name,
            "better": verdict.is_better,
            "corrected": estimate_json(verdict.winner.corrected) if verdict.winner.corrected else None,
            "corrected_gain": estimate_json(verdict.winner.gain) if verdict.winner.gain else None,
            "tied": list(verdict.tied),
            "simplest": verdict.simplest,
            "optimism": {name: estimate_json(gap) for name, gap in verdict.optimism.items()},
        }
    return found


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """A mean with its interval, null where there is none."""
    interval = estimate.interval
    return {
        "mean": estimate.mean,
        "interval": [interval.low, interval.high] if interval else None,
        "count": estimate.count,
    }


def _arm(arm: Arm, confirmed: Confirmed) -> dict[str, Any]:
    verdict = confirmed.verdict
    score = verdict.scores.get(arm.name) if verdict else None
    return {
        "trial": arm.trial,
        "candidate": arm.is_candidate,
        "configuration": arm.configuration.model_dump(),
        "search_score": arm.search_score,
        "scores": {str(seed): score for seed, score in arm.scores.items()},
        "failures": {str(seed): reason for seed, reason in arm.failures.items()},
        "score": estimate_json(score) if score else None,
        "gain": _gain(arm.name, verdict) if verdict and arm.name in verdict.comparisons else None,
    }


def _gain(name: str, verdict: Verdict) -> dict[str, Any]:
    """As measured; whether the winner is better, its luck of being chosen decides too."""
    found = _comparison(verdict.comparisons[name])
    return {**found, "better": verdict.is_better} if name == verdict.winner.name else found


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        **estimate_json(comparison.gain),
        "p": comparison.test.better,
        "corrected_p": comparison.corrected,
        "probability_better": comparison.test.probability_better,
        "better": comparison.is_better,
        "seeds_needed": comparison.pairs_needed,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    """An effect may be harm, which is shown by the two-sided p and is not `better`."""
    comparison = effect.comparison
    return {**_comparison(comparison), "two_sided_p": comparison.test.different, "shown": effect.is_shown}


def _tested(tested: Tested) -> dict[str, Any]:
    return {
        "winner": tested.winner,
        "scores": {name: {str(seed): score for seed, score in its.items()} for name, its in tested.scores.items()},
        "estimates": {name: estimate_json(each) for name, each in tested.estimates.items()},
        "gain": _comparison(tested.gain) if tested.gain else None,
    }
