"""The winner by confirmed scores, and what is left of its lead when luck is taken off."""

from dataclasses import dataclass

import numpy as np

from .confirmation import Confirmation, FloatArray
from .estimate import Estimate, estimate


@dataclass(frozen=True)
class Winner:
    """The best by confirmed mean.

    The best of several means is a little lucky too, so what may be promised is the corrected mean, with its interval.

    Args:
        name: which candidate; the baseline, if nothing is better.
        score: its mean fresh score in the metric's unit, as measured.
        corrected: the same, shrunk towards the mean of all contenders.
        gain: its gain over the baseline, shrunk likewise; None for the baseline, and where that failed.
        reliability: by how much its lead is kept: 1 is all of it.
    """

    name: str
    score: Estimate
    corrected: Estimate
    gain: Estimate | None
    reliability: float


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
    table = confirmation.table(*names)
    kept = reliability(table) if min(table.shape) > 1 else 1.0
    score = estimate(confirmation.fresh(best))
    lead = float(table[names.index(best)].mean() - table.mean()) if table.size else 0.0
    return Winner(best, score, score.shifted((kept - 1) * lead), _gain(confirmation, best, baseline, kept), kept)


def _pairs(confirmation: Confirmation, name: str, baseline: str) -> FloatArray:
    """Gains over the baseline; without a baseline, the scores themselves, oriented."""
    if confirmation.seeds(baseline):
        return confirmation.gains(name, baseline)
    return confirmation.better_by(confirmation.fresh(name), 0.0)


def _gain(confirmation: Confirmation, best: str, baseline: str, kept: float) -> Estimate | None:
    if best == baseline or not confirmation.seeds(baseline):
        return None
    gain = estimate(confirmation.gains(best, baseline))
    return gain.shifted((kept - 1) * gain.mean)


def reliability(table: FloatArray) -> float:
    """The share, 0 to 1, of the variance between candidates' means that is no noise; of scores (candidates, seeds).

    1 - 1 / F of a two-way analysis of variance with seeds as blocks, which is the weight of the best linear unbiased
    predictor: G. K. Robinson, "That BLUP is a Good Thing", Statistical Science 6 (1991) 15-32. The best of several
    equal candidates has F near 1, and its lead is taken for luck; a lead far above the noise is left alone.
    """
    candidates, seeds = table.shape
    means = table.mean(axis=1)
    residuals = table - means[:, None] - table.mean(axis=0) + table.mean()
    noise = (residuals**2).sum() / ((candidates - 1) * (seeds - 1))
    between = seeds * np.var(means, ddof=1)
    return float(max(0.0, 1 - noise / between)) if between > 0 else 0.0
