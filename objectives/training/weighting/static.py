"""Fixed weights: L = α·L_main + Σ β_k·L_k, hard to beat where α and β are searched (Kurin et al. 2022)."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from .weighting import LossWeighting


class Static(LossWeighting):
    """The sum of the scaled losses as they are."""

    splits: ClassVar[bool] = True

    def total(self, step: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(losses.values())).sum()
