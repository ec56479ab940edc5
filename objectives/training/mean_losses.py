"""Running means of training losses between evaluations."""

import math
from collections.abc import Mapping

import torch

from ...spaces.errors import Diverged


class MeanLosses:
    """Each task's mean loss over the steps in which it had a batch. Read once: no waiting on the device in between."""

    def __init__(self, first: int = 0) -> None:
        self.first = first
        """The step that it began at."""
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, losses: Mapping[str, torch.Tensor]) -> None:
        for name, loss in losses.items():
            known = self._sums.get(name)
            self._sums[name] = loss.detach().clone() if known is None else known.add_(loss.detach())
            self._counts[name] = self._counts.get(name, 0) + 1

    def slot(self, place: int) -> "MeanLosses":
        """Those of one trial, where losses (slots,) were added."""
        found = MeanLosses(self.first)
        found._sums = {name: total[place] for name, total in self._sums.items()}
        found._counts = dict(self._counts)
        return found

    def join(self, other: "MeanLosses") -> None:
        """Count other steps too."""
        for name, total in other._sums.items():
            self._sums[name] = self._sums[name] + total if name in self._sums else total
            self._counts[name] = self._counts.get(name, 0) + other._counts[name]

    def read(self, normalisers: Mapping[str, float], step: int) -> dict[str, float]:
        """The means up to a step, normalised. A task that had no batch is not among them.

        Raises:
            Diverged: one is not finite.
        """
        means = {name: total.item() / self._counts[name] / normalisers[name] for name, total in self._sums.items()}
        if not all(map(math.isfinite, means.values())):
            raise Diverged(f"the loss is not finite between steps {self.first + 1} and {step}")
        return means

    def state(self) -> dict[str, torch.Tensor]:
        """All of it, copied to the CPU, by task: (sum, number of steps, first step) in fp64."""
        return {
            name: torch.tensor([total.item(), self._counts[name], self.first], dtype=torch.float64)
            for name, total in self._sums.items()
        }

    @classmethod
    def of(cls, state: Mapping[str, torch.Tensor], step: int, device: torch.device) -> "MeanLosses":
        """What `state` gave at a step."""
        means = cls(step)
        for name, (total, count, first) in state.items():
            means._sums[name] = total.float().to(device)
            means._counts[name], means.first = int(count), int(first)
        return means
