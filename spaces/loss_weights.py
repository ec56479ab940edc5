"""The searched importance of the auxiliary tasks.

Under Adam a common factor of all losses cancels, so α and every β_k together are one dimension too
many. Searched is r_k = β_k / α on a log scale, and an explicit switch.
"""

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from pydantic import Field

from .bounds import LogBounds
from .settings import Settings


class LossWeightSpace(Settings):
    """The study file's `space: loss_weights:`."""

    ratio: LogBounds = Field(default=(0.03, 10), description="β_k/α of each auxiliary task, log-uniform; 1 is equal")
    optional: bool = Field(default=True, description="whether an auxiliary task may be switched off")

    def distributions(self, task: str) -> dict[str, BaseDistribution]:
        """Optuna's parameters of one auxiliary task."""
        switch = {_on(task): CategoricalDistribution((True, False))} if self.optional else {}
        return {**switch, _ratio(task): FloatDistribution(*self.ratio, log=True)}

    def ratio_of(self, task: str, parameters: Mapping[str, Any]) -> float | None:
        """r_k of a task, None where it is switched off."""
        return parameters[_ratio(task)] if parameters.get(_on(task), True) else None

    def parameters(self, task: str, ratio: float | None) -> dict[str, Any]:
        """The nearest parameters to a ratio; off is nearest to the smallest ratio where it may not be off."""
        low, high = self.ratio
        if not self.optional:
            return {_ratio(task): min(max(ratio or low, low), high)}
        nearest = math.sqrt(low * high) if ratio is None else min(max(ratio, low), high)
        return {_on(task): ratio is not None, _ratio(task): nearest}

    def standing(self, task: str, *, on: bool) -> dict[str, Any]:
        """The parameters of a task that does not vary: as important as the main task, unless it can be off and is."""
        return {_ratio(task): 1.0, **({_on(task): on} if self.optional else {})}


def _on(task: str) -> str:
    return f"loss_weights.{task}.on"


def _ratio(task: str) -> str:
    return f"loss_weights.{task}.ratio"
