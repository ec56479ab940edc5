"""The winner by confirmed scores, and its score corrected for selection."""

from dataclasses import dataclass

from .confirmation import Confirmation, FloatArray
from .estimate import Estimate, estimate
from .selection import held_out_mean


@dataclass(frozen=True)
class Winner:
    """The best by confirmed mean.

    The best of several means is a little lucky too, so what may be promised is the corrected mean, with its interval.

    Args:
        name: which candidate; the baseline, if nothing is better.
        score: its mean fresh score in the metric's unit, as measured.
        corrected: the same, moved to what the choice is worth on seeds that had no part in it.
        gain: its gain over the baseline, moved likewise; None for the baseline, and where that failed.
    """

    name: str
    score: Estimate
    corrected: Estimate
    gain: Estimate | None


def contenders(confirmation: Confirmation, baseline: str) -> list[str]:
    """Whoever may win: at least half as many pairs with the baseline as the candidate with the most has.

    A candidate that mostly fails has too few scores to be lucky with. If the baseline itself failed, own seeds count.
    """
    counts = {name: _pairs(confirmation, name, baseline).size for name in confirmation.scores}
    return [name for name, count in counts.items() if count and 2 * count >= max(counts.values())]


def find_winner(confirmation: Confirmation, baseline: str) -> Winner | None:
    """The contender with the highest mean gain over the baseline; of equals the one given first. None if all failed.

    With all trainings successful it is the best mean score. With some missing, gains compare like with like, as a
    seed's split may be harder than another's.
    """
    names = contenders(confirmation, baseline)
    if not names:
        return None
    best = max(names, key=lambda name: _pairs(confirmation, name, baseline).mean())
    score = estimate(confirmation.fresh(best))
    return Winner(
        best,
        score,
        score.shifted(_correction(confirmation, names, best)),
        _gain(confirmation, names, best, baseline),
    )


def _pairs(confirmation: Confirmation, name: str, baseline: str) -> FloatArray:
    """Gains over the baseline; without a baseline, the scores themselves, oriented."""
    if confirmation.seeds(baseline):
        return confirmation.gains(name, baseline)
    return confirmation.better_by(confirmation.fresh(name), 0.0)


def _correction(confirmation: Confirmation, names: list[str], best: str, over: str | None = None) -> float:
    """What to add to the best one's mean score, or to its mean gain over another one; 0 with fewer than two seeds."""
    table = confirmation.table(*names)
    if table.shape[1] < 2:
        return 0.0
    oriented = confirmation.better_by(table, 0.0)
    values = table if over is None else oriented - oriented[names.index(over)]
    return held_out_mean(oriented, values) - float(values[names.index(best)].mean())


def _gain(confirmation: Confirmation, names: list[str], best: str, baseline: str) -> Estimate | None:
    if best == baseline or baseline not in names:
        return None
    gain = estimate(confirmation.gains(best, baseline))
    return gain.shifted(_correction(confirmation, names, best, over=baseline))
