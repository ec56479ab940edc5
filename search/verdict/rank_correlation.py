"""Kendall's rank correlation with a bootstrap interval."""

import numpy as np
from numpy.typing import NDArray

from .estimate import LEVEL, Interval
from .scores import FloatArray

RESAMPLES = 2_000
FEWEST = 8
"""Trials below which there is no interval: of five in a true correlation of 0.7 it covers 79 %, of eight 98 %."""


def kendall_tau(first: FloatArray, second: FloatArray) -> tuple[float, Interval | None] | None:
    """Kendall's tau-b of two scores (trials,) of the same trials, and its 95 % percentile bootstrap interval.

    None where it is undefined: fewer than two trials, or all of them equal in one of the scores. No interval for fewer
    than eight trials. A trial drawn twice is tied with itself in both scores, which tau-b leaves out.

    M. G. Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 33 (1945) 239-251.
    """
    signs = [np.sign(scores[:, None] - scores[None, :]).astype(np.float32) for scores in (first, second)]
    count = first.size
    tau = _tau_b(np.ones((1, count), np.float32), *signs)[0]
    if np.isnan(tau):
        return None
    if count < FEWEST:
        return float(tau), None
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    resampled = _tau_b(drawn.astype(np.float32), *signs)
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(tau), Interval(float(low), float(high))


def _tau_b(counts: NDArray[np.float32], first: NDArray[np.float32], second: NDArray[np.float32]) -> FloatArray:
    """Tau-b of each resample, from how often it has each trial (resamples, trials); NaN where it is undefined."""
    concordance, first_pairs, second_pairs = (
        np.einsum("rt,rt->r", counts @ pairs, counts, dtype=np.float64)
        for pairs in (first * second, np.abs(first), np.abs(second))
    )
    product = first_pairs * second_pairs
    return np.divide(concordance, np.sqrt(product), out=np.full(len(counts), np.nan), where=product > 0)
