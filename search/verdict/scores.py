"""The scores of fresh trainings, and the one place that handles the metric's direction."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """What fresh full-length trainings scored; candidates with one seed share order and split, so they are a pair.

    Args:
        by_name: candidate -> seed -> score, in the metric's own unit. A training that failed is missing, or not finite.
        maximize: whether a higher score is better.
        least: what no score of the metric is below, where higher is better.
    """

    by_name: Mapping[str, Mapping[int, float]]
    maximize: bool = True
    least: float = -math.inf

    def seeds(self, *names: str) -> list[int]:
        """The seeds, ascending, on which all the named candidates have a score.

        Raises:
            KeyError: a candidate that is not among them.
        """
        found = [{seed for seed, score in self.by_name[name].items() if math.isfinite(score)} for name in names]
        return sorted(set.intersection(*found)) if found else []

    @property
    def range(self) -> tuple[float, float]:
        """The least and the most that a score can be: 1 is the best where none is above, an error is at least 0."""
        values = [score for scores in self.by_name.values() for score in scores.values() if math.isfinite(score)]
        if self.maximize:
            return self.least, 1.0 if all(score <= 1 for score in values) else math.inf
        return 0.0 if all(score >= 0 for score in values) else -math.inf, math.inf

    @property
    def gain_range(self) -> tuple[float, float]:
        """The least and the most that one score can be better than another."""
        low, high = self.range
        return low - high, high - low

    def fresh(self, name: str) -> FloatArray:
        """The candidate's own scores (seeds,), in the metric's unit."""
        return self._at(name, self.seeds(name))

    def gains(self, name: str, over: str) -> FloatArray:
        """By how much a candidate is better than another one, seed by seed (pairs,); negative where it is worse."""
        seeds = self.seeds(name, over)
        return self.better_by(self._at(name, seeds), self._at(over, seeds))

    def better_by(self, scores: FloatArray | float, reference: FloatArray | float) -> FloatArray:
        """Differences of scores, positive where the first is better."""
        return np.asarray(scores, dtype=np.float64) - reference if self.maximize else reference - np.asarray(scores)

    def _at(self, name: str, seeds: list[int]) -> FloatArray:
        return np.array([self.by_name[name][seed] for seed in seeds], dtype=np.float64)
