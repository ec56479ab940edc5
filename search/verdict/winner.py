"""The winner by confirmed scores, and its score corrected for selection."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from .comparison import Comparison, gain_over
from .estimate import Estimate, estimate
from .indifference import is_apart
from .scores import Scores
from .selection import selection_luck
from .significance import level_of


@dataclass(frozen=True)
class Winner:
    """The best by confirmed mean.

    The best of several means is a little lucky too, so what may be promised is the corrected mean, with its interval.

    Args:
        name: which candidate; the baseline, if nothing is better.
        score: its mean fresh score in the metric's unit, as measured.
        corrected: the same, moved to what the choice is worth on seeds that had no part in it; None where too few seeds
            tell that.
        gain: its gain over the baseline, moved likewise; None then too, for the baseline, and where that failed.
    """

    name: str
    score: Estimate
    corrected: Estimate | None
    gain: Estimate | None


def contenders(scores: Scores, baseline: str) -> list[str]:
    """Whoever may win: at least half as many pairs with the baseline as the candidate with the most has.

    A candidate that mostly fails has too few scores to be lucky with. If the baseline itself failed, own seeds count.
    """
    counts = {name: len(_pairs(scores, name, baseline)) for name in scores.by_name}
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
    over = gain_over(scores, best.name, chosen.name, look)
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
    pairs = {name: _pairs(scores, name, baseline) for name in names}
    gains = {name: fmean(its.values()) for name, its in pairs.items()}
    best = max([name for name in names if name in among] or names, key=gains.__getitem__)
    luck = _luck({name: its for name, its in pairs.items() if gains[name] <= gains[best]}, best)
    score = estimate(scores.fresh(best))
    has_gain = best != baseline and scores.seeds(baseline)
    gain = estimate(scores.gains(best, baseline), level_of(look)) if has_gain else None
    return Winner(
        best,
        score.within(*scores.range),
        None if luck is None else score.shifted(-luck if scores.maximize else luck).within(*scores.range),
        None if luck is None or gain is None else gain.shifted(-luck).within(*scores.gain_range),
    )


def _pairs(scores: Scores, name: str, baseline: str) -> dict[int, float]:
    """Gains over the baseline by seed; without a baseline, the scores themselves, oriented."""
    if scores.seeds(baseline):
        seeds, values = scores.seeds(name, baseline), scores.gains(name, baseline)
    else:
        seeds, values = scores.seeds(name), scores.better_by(scores.fresh(name), 0.0)
    return dict(zip(seeds, values.tolist(), strict=True))


def _luck(pairs: Mapping[str, Mapping[int, float]], best: str) -> float | None:
    """Of the choice of the best among these, whatever seeds each has; it is the same for its score and its gain."""
    seeds = sorted(set().union(*pairs.values()))
    table = np.array([[its.get(seed, math.nan) for seed in seeds] for its in pairs.values()])
    return selection_luck(table, list(pairs).index(best))
