"""The bias-corrected and accelerated (BCa) bootstrap interval of a mean.

B. Efron, "Better Bootstrap Confidence Intervals", Journal of the American Statistical Association 82 (1987) 171-185.
"""

import math
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
import scipy

from .scores import FloatArray

EXACT_UP_TO = 8
"""Values up to which all resamples are enumerated (6,435 distinct ones of 8): no seed, no Monte Carlo error."""
RESAMPLES = 10_000
SAME = 1e-9
"""Means closer than this share of the values' range are equal: they differ by rounding only."""


@cache
def resampling(count: int) -> tuple[FloatArray, FloatArray]:
    """Resamples of `count` values: the share of each value (resamples, count), and probabilities (resamples,).

    All multisets up to `EXACT_UP_TO` values, else `RESAMPLES` draws from a fixed seed.
    """
    if count > EXACT_UP_TO:
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        return drawn / count, np.full(RESAMPLES, 1 / RESAMPLES)
    multisets = combinations_with_replacement(range(count), count)
    counts = np.array([np.bincount(multiset, minlength=count) for multiset in multisets])
    orders = [math.factorial(count) / math.prod(map(math.factorial, row)) for row in counts.tolist()]
    return counts / count, np.array(orders) / count**count


def bca_interval(values: FloatArray, quantile: float) -> tuple[float, float]:
    """The interval's ends for the mean of `values` (count,), at least two of them different.

    `quantile` is that of the standard normal: 1.96 for the plain interval at 95 %, more for a widened one.
    """
    shares, probabilities = resampling(values.size)
    means = shares @ values
    bias = scipy.special.ndtri(_share_below(means, probabilities, values))
    acceleration = _acceleration(values)
    order = np.argsort(means)
    cumulated = np.cumsum(probabilities[order])
    levels = [_adjusted_level(bias, acceleration, end) for end in (-quantile, quantile)]
    places = np.searchsorted(cumulated, np.array(levels) - 1e-12).clip(max=means.size - 1)
    low, high = means[order][places]
    return float(low), float(high)


def _share_below(means: FloatArray, probabilities: FloatArray, values: FloatArray) -> float:
    """The share of resampled means below the mean itself; of equal ones, half."""
    distance = means - values.mean()
    equal = np.abs(distance) <= SAME * np.ptp(values)
    return float(probabilities[(distance < 0) & ~equal].sum() + probabilities[equal].sum() / 2)


def _acceleration(values: FloatArray) -> float:
    """Efron's a of a mean: a sixth of the skewness, divided by the root of the count; from the jackknife."""
    deviations = values - values.mean()
    deviations = deviations / np.abs(deviations).max()  # cubes of tiny differences would underflow
    return float((deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5))


def _adjusted_level(bias: float, acceleration: float, quantile: float) -> float:
    shifted = bias + quantile
    scale = 1 - acceleration * shifted
    if scale <= 0:  # beyond the pole of Efron's formula the level is that of its limit
        return 1.0 if shifted > 0 else 0.0
    return float(scipy.special.ndtr(bias + shifted / scale))
