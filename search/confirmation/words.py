"""The verdict in words, the most important first: the same on the terminal, on the page and in the model card."""

from collections.abc import Iterator
from itertools import chain

from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate
from ..verdict.short_runs import Rung
from ..verdict.significance import fewest_pairs, weight_of
from ..verdict.units import Unit
from ..verdict.verdict import Verdict
from ..wording import REMEDY, counted, number, p_value, probability
from .result import Arm, Confirmed


def sentences(confirmed: Confirmed) -> list[str]:
    """What to believe, and how far."""
    if confirmed.verdict is None:
        return ["No fresh training has ended yet, so there is no verdict."]
    verdict = confirmed.verdict
    parts = (
        _all_alike(confirmed),
        [_winner(confirmed, verdict)],
        _against_baseline(confirmed, verdict),
        _others(confirmed, verdict),
        _looks(confirmed, verdict),
        _unfinished(confirmed),
        _test(confirmed),
        _tied(confirmed, verdict),
        _optimism(confirmed, verdict),
        _failures(confirmed),
        _rows(confirmed),
        _pruning(confirmed),
    )
    return list(chain.from_iterable(parts))


def measured(estimate: Estimate) -> str:
    """A mean in the metric's unit with its interval: "0.8123 (0.7990 to 0.8251)"."""
    if estimate.interval is None:
        return number(estimate.mean)
    return f"{number(estimate.mean)} ({number(estimate.interval.low)} to {number(estimate.interval.high)})"


def fresh_seeds(count: int) -> str:
    """How many there are, in words."""
    return counted(count, "fresh seed")


def _all_alike(confirmed: Confirmed) -> Iterator[str]:
    by_seed = [[arm.scores[seed] for arm in confirmed.arms if seed in arm.scores] for seed in confirmed.seeds]
    if any(map(len, by_seed)) and all(len(set(scores)) <= 1 < len(scores) for scores in by_seed if scores):
        yield (f"On every seed all configurations have the same score, so nothing can be said of them. {REMEDY}")


def _winner(confirmed: Confirmed, verdict: Verdict) -> str:
    name, score = verdict.winner.name, verdict.winner.score
    if name == verdict.baseline:
        return f"No candidate has a better mean than the baseline: {measured(score)} on {fresh_seeds(score.count)}."
    said, corrected = measured(score), verdict.winner.corrected
    luck = ", not corrected for selection, which takes more seeds"
    if corrected is not None:
        luck = "" if measured(corrected) == said else f"; {measured(corrected)} corrected for selection"
    return f"The winner is {name}: {said} on {fresh_seeds(score.count)}{luck}."


def _against_baseline(confirmed: Confirmed, verdict: Verdict) -> Iterator[str]:
    name = verdict.winner.name
    comparison = verdict.comparisons.get(name)
    if name == verdict.baseline:
        return
    if comparison is None:
        yield "The baseline failed on every seed, so it is unknown whether the search helped."
        return
    probable = f"P(better) {probability(comparison.test.probability_better)}"
    gain = _gain(confirmed.unit, comparison.gain, verdict.winner.gain)
    if verdict.is_better:
        yield f"It is better than the baseline by {gain}. It is {comparison.evidence}, {probable}."
        return
    evidence = comparison.evidence
    if comparison.is_better:  # but not once corrected for selection
        evidence = f"as measured it would be {evidence}, but selection may explain all of it"
    yield f"It is not shown to be better than the baseline: {gain}. {probable}; {evidence}."
    if not comparison.can_claim:
        yield _too_few(comparison)


def _others(confirmed: Confirmed, verdict: Verdict) -> Iterator[str]:
    for name in verdict.passed_over:
        other = verdict.comparisons[name]
        yield f"{name} gained more, {confirmed.unit.gain(other.gain)}, but not surely: {other.evidence}."
    for name in verdict.proven_too:
        other = verdict.comparisons[name]
        yield f"{name} is shown to be better than the baseline, by {confirmed.unit.gain(other.gain)}: {other.evidence}."


def _looks(confirmed: Confirmed, verdict: Verdict) -> Iterator[str]:
    if not confirmed.looks:
        return
    look, before = len(confirmed.looks) + 1, ", ".join(map(str, confirmed.looks))
    comparison = verdict.comparisons.get(verdict.winner.name)
    p, counts = "a p", f"{weight_of(look)} times"
    if comparison is not None and comparison.corrected < 1:
        p, counts = p_value(comparison.corrected / weight_of(look)), f"as {probability(comparison.corrected)}"
    tested = ", those on test data of 95 %" if confirmed.tested else ""
    yield (
        f"Seeds were added after a look at {before}, so this is look {look}: {p} counts {counts}, and intervals of "
        f"gains are of {confirmed.gain_level}{tested}."
    )
    for seen, name in confirmed.looks.items():
        now = verdict.comparisons.get(name or "")
        if now is not None and not now.is_better:
            yield f"{name} was shown to be better than the baseline on {seen} seeds, but is not on all that there are."


def _gain(unit: Unit, measured: Estimate, corrected: Estimate | None) -> str:
    """The gain as measured, and what is left of it on seeds that did not choose, where that is another figure."""
    said = unit.gain(measured)
    left = said if corrected is None else unit.gain(corrected)
    return said if left == said else f"{said}; {left} corrected for selection"


def _too_few(comparison: Comparison) -> str:
    pairs = comparison.test.pairs
    needed = fewest_pairs(comparison.comparisons, comparison.look)
    among = f" where {comparison.comparisons} configurations are compared" if comparison.comparisons > 1 else ""
    return f"From {counted(pairs, 'seed')} no gain could be claimed, however large: that takes {needed} seeds{among}."


def _unfinished(confirmed: Confirmed) -> Iterator[str]:
    if confirmed.missing:
        are = "trainings are" if confirmed.missing > 1 else "training is"
        yield f"{confirmed.missing} {are} missing, so this may change: the same command resumes."


def _test(confirmed: Confirmed) -> Iterator[str]:
    tested = confirmed.tested
    if tested is None:
        return
    found = [f"{name} {measured(each)}" for name, each in tested.estimates.items()]
    gain = "" if tested.gain is None else f"; gain {confirmed.unit.gain(tested.gain.gain)}, {tested.gain.shown}"
    yield f"On the test data, used once: {', '.join(found)}{gain}."
    if confirmed.winner is not None and confirmed.winner.name != tested.winner:
        yield f"The test data was used for {tested.winner}; it is not used again for another winner."


def _tied(confirmed: Confirmed, verdict: Verdict) -> Iterator[str]:
    others = [name for name in verdict.tied if name != verdict.winner.name]
    if not others:
        yield from _all_worse(confirmed, confirmed.arm(verdict.winner.name))
        return
    simplest = verdict.simplest
    which = "the winner itself" if simplest == verdict.winner.name else simplest
    yield f"Tied with {verdict.winner.name} on these seeds: {', '.join(others)}. The simplest of them all is {which}."


def _all_worse(confirmed: Confirmed, winner: Arm) -> Iterator[str]:
    """Of those that share a successful seed with the winner: of any other nobody knows whether it is worse."""
    others = [arm for arm in confirmed.arms if arm.name != winner.name]
    known = [arm for arm in others if arm.scores.keys() & winner.scores.keys()]
    if known:
        which = "Every other one" if len(known) == len(others) else "Every other one that can be compared"
        yield f"{which} is worse than {winner.name} by more than the seed noise."


def _optimism(confirmed: Confirmed, verdict: Verdict) -> Iterator[str]:
    gaps = {name: gap for name, gap in verdict.optimism.items() if confirmed.arm(name).is_candidate}
    if not gaps:
        return
    first = confirmed.arm(next(iter(gaps)))
    assert first.search_score is not None
    gap = gaps[first.name]
    best = next(arm for arm in confirmed.arms if arm.is_candidate)
    which = "the best candidate" if first is best else "the best candidate with a fresh score"
    searched = f"In the search {which}, {first.name}, scored {number(first.search_score)}"
    better = f"{confirmed.unit.gain(gap).removeprefix('+')} better" if gap.mean > 0 else "no better"
    yield f"{searched}: {better} than on fresh seeds."


def _failures(confirmed: Confirmed) -> Iterator[str]:
    for arm in confirmed.arms:
        if arm.failures:
            yield f"{arm.name} failed on {_on(arm)}: {next(iter(arm.failures.values()))}."


def _on(arm: Arm) -> str:
    seeds = ", ".join(map(str, sorted(arm.failures)))
    return f"seed {seeds}" if len(arm.failures) == 1 else f"seeds {seeds}"


def _rows(confirmed: Confirmed) -> Iterator[str]:
    if confirmed.same_rows:
        yield (
            "Every seed is measured on the same validation rows, which also selected the candidates: all these figures "
            "are for these rows, and only other ones, such as test data, are independent."
        )


def _pruning(confirmed: Confirmed) -> Iterator[str]:
    runs = {"the search's trials": confirmed.short_runs, "the confirmed configurations": confirmed.fresh_runs}
    for of, short in runs.items():
        told = [] if short is None else [_agreement(rung) for rung in short.rungs if rung.interval]
        if told:
            ends = " and ".join(dict.fromkeys([told[0], told[-1]]))
            yield f"Short runs: the order of {of} agrees with that at full length by {ends}."
    for of, short in runs.items():
        if short is not None and short.warning:
            yield f"Short runs, of {of}: {short.warning}."


def _agreement(rung: Rung) -> str:
    """Kendall's tau at a rung of which enough trials are known: "τ 0.45 (0.10 to 0.71) at step 35"."""
    assert rung.interval is not None
    return f"τ {rung.tau:.2f} ({rung.interval.low:.2f} to {rung.interval.high:.2f}) at step {rung.step}"
