"""Formatting a metric's differences: points if it is a share, else the metric's own unit."""

from dataclasses import dataclass

from ..wording import are_scores
from .estimate import Estimate
from .scores import Scores


@dataclass(frozen=True)
class Unit:
    """How a difference is written; a point is a hundredth of a share."""

    points: bool

    def number(self, difference: float) -> str:
        """A number without unit: one decimal of a point, three digits of anything else."""
        written = f"{100 * difference:.1f}" if self.points else f"{difference:.3g}"
        return written.removeprefix("-") if float(written) == 0 else written

    def gain(self, gain: Estimate) -> str:
        """For example "+1.4 points (0.5 to 2.3)"; without the brackets where there is no interval."""
        number = self.number(gain.mean)
        signed = f"{'+' if float(number) > 0 else ''}{number}{' points' if self.points else ''}"
        if gain.interval is None:
            return signed
        return f"{signed} ({self.number(gain.interval.low)} to {self.number(gain.interval.high)})"


def unit_of(scores: Scores) -> Unit:
    """One for all that is told of a confirmation, also where only some of its values are beyond 1."""
    values = [value for name in scores.by_name for value in scores.fresh(name).tolist()]
    return Unit(points=are_scores(values, maximize=scores.maximize))
