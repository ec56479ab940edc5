"""The page's tables of facts: rows of a name and a value in words."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from ... import wording
from ...confirmation.result import Arm, Confirmed, Tested
from ...confirmation.words import measured
from ...summary.summary import Summary
from ...verdict.short_runs import Rung
from ...verdict.verdict import Verdict
from ..records import TrialRecord, period, seconds_by_state
from ..trials import reached

Rows = Iterator[tuple[str, str]]
_STATES = {"complete": "complete", "pruned": "pruned", "fail": "failed", "running": "running"}


def searched(summary: Summary) -> Rows:
    """The search in four figures."""
    if summary.best:
        yield f"best, trial {summary.best.number}", reached(summary.best)
    if summary.baseline:
        yield f"baseline, trial {summary.baseline.number}", reached(summary.baseline)
    if summary.best and summary.baseline:
        yield "in the search", wording.gain(summary.best.value, summary.baseline.value, summary.direction)
    yield "trials done", f"{summary.counts.done} of {summary.counts.total}"


def verdict(confirmed: Confirmed, found: Verdict) -> Rows:
    """The verdict in a few figures, the winner's corrected for selection where enough seeds allow that."""
    winner = found.winner
    yield "winner", winner.name
    if winner.corrected:
        yield "on fresh seeds, corrected", measured(winner.corrected)
    else:
        yield "on fresh seeds, not corrected", measured(winner.score)
    if winner.gain:
        yield "its gain, corrected", confirmed.unit.gain(winner.gain)
    if comparison := found.comparisons.get(winner.name):
        yield "P(better)", wording.probability(comparison.test.probability_better)
    if gap := found.optimism.get(winner.name):
        yield "optimism of the search", confirmed.unit.gain(gap)


def cost(summary: Summary, records: Sequence[TrialRecord], confirmed: Confirmed | None) -> Rows:
    """Time of training, by what became of the trials, and when that was."""
    yield "training over all trials", wording.duration(summary.seconds)
    for state, seconds in seconds_by_state(records).items():
        count = sum(record.state == state for record in records)
        yield f"in {wording.counted(count, f'{_STATES.get(state, state)} trial')}", wording.duration(seconds)
    if confirmed:
        yield "training on fresh seeds", wording.duration(confirmed.seconds)
    if when := period(records):
        yield "search from, to (UTC)", " to ".join(f"{each:%Y-%m-%d %H:%M}" for each in when)


def tested(found: Tested) -> Rows:
    """What winner and baseline reach on test data."""
    for name, estimate in found.estimates.items():
        yield name, measured(estimate)


def in_order(confirmed: Confirmed, found: Verdict) -> list[Arm]:
    """The members of the indifference set, the simplest first."""
    return sorted((confirmed.arm(name) for name in found.tied), key=lambda arm: arm.simplicity)


def correlation(rung: Rung) -> str:
    """Kendall's tau between a rung and the full length, with its interval if there is one."""
    if rung.tau is None:
        return "-"
    return f"{rung.tau:.2f}" + (f" ({rung.interval.low:.2f} to {rung.interval.high:.2f})" if rung.interval else "")


def source(name: str) -> str:
    """A data source or an encoder as the study file names it, but never where it lies on somebody's machine."""
    return PurePath(name).name if PurePath(name).is_absolute() else name
