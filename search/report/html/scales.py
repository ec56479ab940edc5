"""Scales: positions of values in a picture, and round numbers on its axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
MOST_TICKS = 6
_DECADE = (1, 2, 5)


@dataclass(frozen=True)
class Tick:
    """A place on an axis in the picture's units, and what is written there."""

    place: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto places from `start` to `end`; what lies beyond is put at the nearer end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value, in tenths of a unit: finer than any screen. Without extent all is in the middle."""
        low, high, value = (self._measure(each) for each in (self.low, self.high, value))
        fraction = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
        return round(self.start + fraction * (self.end - self.start), 1)

    def holds(self, value: float) -> bool:
        """Whether a value lies between the ends."""
        return self.low <= value <= self.high

    def _measure(self, value: float) -> float:
        return math.log(max(value, math.ulp(0.0))) if self.is_log else value

    @property
    def ticks(self) -> list[Tick]:
        """A few round values within the ends; the only value where there is no extent."""
        if self.high <= self.low:
            return [Tick(self(self.low), short(self.low, digits=3))]
        return [Tick(self(value), short(value)) for value in self._round_values()]

    def _round_values(self) -> list[float]:
        if self.is_log:
            for digits in ((1,), _DECADE):
                found = _log_values(self.low, self.high, digits)
                if len(found) > 1:
                    return thinned(found, MOST_TICKS)
        return _linear_values(self.low, self.high)


def short(value: float, digits: int = 6) -> str:
    """A number with at most so many digits, as short as it can be written: 0.85, 200, 1e-4."""
    if 1e-3 <= abs(value) < 1e5 or value == 0:
        return f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _linear_values(low: float, high: float) -> list[float]:
    rough = (high - low) / (MOST_TICKS - 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12 - math.floor(math.log10(step))) for number in range(first, last + 1)]


def _log_values(low: float, high: float, digits: Sequence[int]) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [digit * 10.0**power for power in powers for digit in digits]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """Every n-th of the items from the first on, so that there are at most `most`."""
    return list(items[:: max(1, math.ceil(len(items) / most))])


def spanning(values: Sequence[float], start: float, end: float, share: float = 1.0, *, must: Sequence[float]) -> Scale:
    """A scale over the middle `share` of the values and over all that `must` be seen; 0 to 1 where there is nothing.

    So a few values far out do not press all others into a line.
    """
    ordered = sorted(values)
    cut = math.floor(len(ordered) * (1 - share) / 2)
    seen = [*ordered[cut : len(ordered) - cut], *must]
    return Scale(min(seen), max(seen), start, end) if seen else Scale(0.0, 1.0, start, end)


def wide_apart(values: Sequence[float]) -> bool:
    """Whether positive values span so much that a logarithm shows them better: a factor of twenty."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 20


def line(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path along the points."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def dots(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path that is a dot at each point when its line has round ends."""
    return "".join(f"M{x:g} {y:g}h0" for x, y in points)


def evenly(items: Sequence[int], most: int) -> list[int]:
    """At most `most` of the items, evenly spread over them."""
    if len(items) <= most:
        return list(items)
    return [items[place * len(items) // most] for place in range(most)]
