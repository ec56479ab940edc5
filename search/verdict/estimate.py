"""A mean with a confidence interval that holds for few values too."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy

from .bootstrap import SAME, bca_interval
from .scores import FloatArray

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Where the true mean lies in 95 of 100 such cases, or in more: as many as its level says."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    def shifted(self, by: float) -> "Interval":
        return Interval(self.low + by, self.high + by)

    def within(self, low: float, high: float) -> "Interval":
        return Interval(_clipped(self.low, low, high), _clipped(self.high, low, high))


@dataclass(frozen=True)
class Estimate:
    """A mean of `count` values with its interval; a single value has none, and neither have values that are all equal.

    `spread` is the values' standard deviation; None for a single value.
    """

    mean: float
    count: int
    spread: float | None
    interval: Interval | None

    @property
    def ends(self) -> tuple[float, float]:
        """Those of the interval; without one the mean is both."""
        return (self.interval.low, self.interval.high) if self.interval else (self.mean, self.mean)

    @property
    def may_be_zero(self) -> bool:
        """Whether the interval has zero in it; without an interval nothing is ruled out by it."""
        return self.interval is not None and not self.interval.excludes_zero

    def shifted(self, by: float) -> "Estimate":
        """The same, moved: what a correction does to a mean."""
        interval = self.interval and self.interval.shifted(by)
        return Estimate(self.mean + by, self.count, self.spread, interval)

    def within(self, low: float, high: float) -> "Estimate":
        """The same with no more of it than can be true: a mean is within what its values can be."""
        return replace(
            self, mean=_clipped(self.mean, low, high), interval=self.interval and self.interval.within(low, high)
        )


def estimate(values: FloatArray, level: float = LEVEL) -> Estimate:
    """The mean of `values` (count,) and its interval.

    From six values on it is a BCa bootstrap interval, widened for the small sample as in T. Hesterberg, "What Teachers
    Should Know About the Bootstrap", The American Statistician 69 (2015) 371-386: the normal quantile z is replaced by
    sqrt(n / (n - 1)) t(n - 1). Without that it covers 87 % at six values. Below six it is Student's, as it is where the
    level is more than 1 - 2^(1-n): the range of n values covers their mean no more often, and so does no bootstrap.

    Raises:
        ValueError: no value at all.
    """
    if not values.size:
        raise ValueError("an estimate needs at least one value")
    values = np.sort(values)  # the same result, to the last digit, in whatever order they come
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean, 1, None, None)
    spread = float(values.std(ddof=1))
    if np.ptp(values) <= SAME * np.abs(values).max():
        return Estimate(mean, values.size, 0.0, None)
    return Estimate(mean, values.size, spread, _interval(values, mean, spread, level))


def _clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _interval(values: FloatArray, mean: float, spread: float, level: float) -> Interval:
    count = values.size
    quantile = float(scipy.special.stdtrit(count - 1, (1 + level) / 2))
    if 1 - 2.0 ** (1 - count) < level:
        half = quantile * spread / math.sqrt(count)
        return Interval(mean - half, mean + half)
    return Interval(*bca_interval(values, math.sqrt(count / (count - 1)) * quantile))
