"""Dynamic weight average (Liu, Johns, Davison 2019, arXiv 1803.10704)."""

from collections.abc import Mapping

import torch

from .weighting import LossWeighting, Passes, Setup

_TEMPERATURE = 2.0
"""The paper's own: 1 follows the losses more sharply, large values give equal weights."""


class DynamicWeightAverage(LossWeighting):
    """λ_k = K · softmax_k(r_k / 2), r_k = mean loss of the last epoch / that of the epoch before it.

    A task whose loss falls more slowly than the others' weighs more. Epochs are the main task's. Without two epochs
    to compare (at the start, or where a sampled task had no batch) r_k is 1, as in the paper.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        count = len(setup.tasks)
        for name in ("sums", "counts", "last", "before"):
            self.register_buffer(name, torch.zeros(count))
        self.sums: torch.Tensor
        self.counts: torch.Tensor
        self.last: torch.Tensor
        self.before: torch.Tensor

    def backward(self, step: int, passes: Passes) -> None:
        if step and step % self.setup.steps_per_epoch == 0:
            self._end_epoch()
        super().backward(step, passes)

    def total(self, step: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        places = self.places(losses)
        self.sums[places] += torch.stack(list(losses.values())).detach()
        self.counts[places] += 1
        return self.weighted(self._weights(), losses)

    def _weights(self) -> torch.Tensor:
        known = (self.last > 0) & (self.before > 0)
        ratios = torch.where(known, self.last / self.before, 1.0)
        return len(ratios) * (ratios / _TEMPERATURE).softmax(0)

    def _end_epoch(self) -> None:
        self.before.copy_(self.last)
        self.last.copy_(self.sums / self.counts.clamp(min=1))
        self.sums.zero_()
        self.counts.zero_()
