"""Random loss weighting (Lin et al. 2022, arXiv 2111.10603): the control that clever methods must beat."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from ...seeds import generator
from .weighting import LossWeighting


class RandomWeights(LossWeighting):
    """λ = K · softmax(z), z ~ N(0, 1) for each task, drawn anew in every step."""

    splits: ClassVar[bool] = True

    def total(self, step: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        count = len(self.setup.tasks)
        draws = torch.randn(count, generator=generator(self.setup.seed, "loss weights", step))
        device = next(iter(losses.values())).device
        return self.weighted(count * draws.softmax(0).to(device), losses)
