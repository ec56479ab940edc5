"""The winner by confirmed scores, and its score corrected for selection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .comparison import Comparison, gain_over
from .estimate import Estimate, estimate
from .indifference import is_apart
from .scores import FloatArray, Scores
from .selection import held_out_mean
from .significance import level_of


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


def contenders(scores: Scores, baseline: str) -> list[str]:
    """Whoever may win: at least half as many pairs with the baseline as the candidate with the most has.

    A candidate that mostly fails has too few scores to be lucky with. If the baseline itself failed, own seeds count.
    """
    counts = {name: _pairs(scores, name, baseline).size for name in scores.by_name}
    return [name for name, count in counts.items() if count and 2 * count >= max(counts.values())]


def choose_winner(scores: Scores, baseline: str, comparisons: Mapping[str, Comparison], look: int = 1) -> Winner | None:
    """The best of all; or the best of those shown to be better than the baseline, where nobody is surely better still.

    A greater mean that may be noise must not hide a gain that is none, as that of a variant which may claim nothing.
    """
    best = find_winner(scores, baseline, look=look)
    proven = [name for name, comparison in comparisons.items() if comparison.is_better]
    chosen = find_winner(scores, baseline, proven, look)
    if best is None or chosen is None or chosen.name == best.name:
        return best
    over = gain_over(scores, best.name, chosen.name)
    is_surpassed = over is not None and is_apart(over)
    return best if is_surpassed or chosen.gain is None or chosen.gain.may_be_zero else chosen


def find_winner(scores: Scores, baseline: str, among: Collection[str] = (), look: int = 1) -> Winner | None:
    """The contender with the highest mean gain over the baseline; of equals the one given first. None if all failed.

    With all trainings successful it is the best mean score. With some missing, gains compare like with like, as a
    seed's split may be harder than another's.

    Args:
        scores: of all, the baseline among them.
        baseline: its name.
        among: who may win; empty: any.
        look: which look at the fresh seeds it is, which decides the level of the gain's interval.
    """
    names = contenders(scores, baseline)
    if not names:
        return None
    gains = {name: _pairs(scores, name, baseline).mean() for name in names}
    best = max([name for name in names if name in among] or names, key=gains.__getitem__)
    names = [name for name in names if gains[name] <= gains[best]]  # the others had no part in this choice
    score = estimate(scores.fresh(best))
    return Winner(
        best,
        score.within(*scores.range),
        score.shifted(_correction(scores, names, best)).within(*scores.range),
        _gain(scores, names, best, baseline, look),
    )


def _pairs(scores: Scores, name: str, baseline: str) -> FloatArray:
    """Gains over the baseline; without a baseline, the scores themselves, oriented."""
    if scores.seeds(baseline):
        return scores.gains(name, baseline)
    return scores.better_by(scores.fresh(name), 0.0)


def _correction(scores: Scores, names: list[str], best: str, over: str | None = None) -> float:
    """What to add to the best one's mean score, or to its mean gain over another one; 0 with fewer than two seeds."""
    table = scores.table(*names)
    if table.shape[1] < 2:
        return 0.0
    oriented = scores.better_by(table, 0.0)
    values = table if over is None else oriented - oriented[names.index(over)]
    return held_out_mean(oriented, values) - float(values[names.index(best)].mean())


def _gain(scores: Scores, names: list[str], best: str, baseline: str, look: int) -> Estimate | None:
    if best == baseline or baseline not in names:
        return None
    gain = estimate(scores.gains(best, baseline), level_of(look))
    return gain.shifted(_correction(scores, names, best, over=baseline)).within(*scores.gain_range)
