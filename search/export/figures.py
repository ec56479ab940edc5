"""The figures of an export, from the results on fresh seeds."""

from dataclasses import replace

from ..confirmation.result import Arm, Confirmed
from ..confirmation.words import sentences
from ..roles import BASELINE
from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate, Interval
from ..verdict.verdict import Verdict
from .confirmed_figures import ConfirmedFigures, Figure, Gain, OnTestData


def figures(confirmed: Confirmed, arm: Arm) -> ConfirmedFigures:
    """What fresh seeds said of one arm that has scores."""
    verdict = confirmed.verdict
    assert verdict is not None
    winner = verdict.winner
    corrected = winner.corrected if arm.name == winner.name else None
    score, optimism = verdict.scores[arm.name], verdict.optimism.get(arm.name)
    comparison = verdict.comparisons.get(arm.name)
    return ConfirmedFigures(
        name=arm.name,
        winner=winner.name,
        seeds=list(confirmed.seeds),
        scores=dict(sorted(arm.scores.items())),
        mean=score.mean,
        interval=_ends(score.interval),
        corrected=corrected and corrected.mean,
        corrected_interval=corrected and _ends(corrected.interval),
        baseline=_figure(verdict.scores[BASELINE]) if BASELINE in verdict.scores else None,
        gain=_gain(verdict, arm.name),
        measured_gain=_figure(comparison.gain) if comparison else None,
        optimism=_figure(optimism) if optimism else None,
        tied=list(verdict.tied),
        simplest=verdict.simplest,
        test=_on_test_data(confirmed, arm),
        words=sentences(_without_details(confirmed)),
        same_rows=confirmed.same_rows,
    )


def _without_details(confirmed: Confirmed) -> Confirmed:
    """Failures by their kind alone: an error's text may name folders of the machine that it happened on."""
    kinds = ({seed: reason.partition(":")[0] for seed, reason in arm.failures.items()} for arm in confirmed.arms)
    arms = tuple(replace(arm, failures=its) for arm, its in zip(confirmed.arms, kinds, strict=True))
    return replace(confirmed, arms=arms)


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return interval and (interval.low, interval.high)


def _figure(estimate: Estimate) -> Figure:
    return Figure(mean=estimate.mean, interval=_ends(estimate.interval))


def _gain(verdict: Verdict, name: str) -> Gain | None:
    """The winner's is moved to what it is worth on seeds that did not choose it."""
    comparison = verdict.comparisons.get(name)
    if comparison is None:
        return None
    if name == verdict.winner.name:
        return _compared(comparison, verdict.winner.gain or comparison.gain, better=verdict.is_better)
    return _compared(comparison, comparison.gain, better=comparison.is_better)


def _compared(comparison: Comparison, gain: Estimate, *, better: bool) -> Gain:
    own = _figure(gain)
    return Gain(
        mean=own.mean,
        interval=own.interval,
        better=better,
        p=comparison.corrected,
        pairs=comparison.test.pairs,
        look=comparison.look,
    )


def _on_test_data(confirmed: Confirmed, arm: Arm) -> OnTestData | None:
    tested = confirmed.tested
    if tested is None or arm.name not in tested.estimates:
        return None
    baseline = tested.estimates.get(BASELINE) if arm.name != BASELINE else None
    gain = tested.gain if arm.name == tested.winner else None
    return OnTestData(
        winner=_figure(tested.estimates[arm.name]),
        baseline=_figure(baseline) if baseline else None,
        gain=_compared(gain, gain.gain, better=gain.is_better) if gain else None,
    )
