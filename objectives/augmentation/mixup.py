"""Mixup: rows of a batch blended with other rows of the same batch.

Zhang et al. 2018, https://arxiv.org/abs/1710.09412: x = λ·x_i + (1 - λ)·x_j, the labels likewise, λ ~ Beta(a, a).
For texts the blend is of hidden vectors, and of the two rows' losses. λ is folded to at least 1/2 (as in MixMatch,
Berthelot et al. 2019, https://arxiv.org/abs/1905.02249), so that a row stays mostly itself.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import torch

from ..tasks.batch import Batch, TextCodes
from .batch_operation import BatchOperation


class Mixup(BatchOperation):
    """Blends embeddings and losses of each chosen row with those of another row of its batch."""

    name: ClassVar[str] = "mixup"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "Beta's parameter: how far a row is blended with another, at 0 not at all"
    changes_label: ClassVar[bool] = True
    asks: ClassVar[Literal["mixes", "cuts"]] = "mixes"
    refusal: ClassVar[str] = "cannot blend the rows of"

    def apply(
        self, batch: Batch, chosen: torch.Tensor, magnitude: float, generator: torch.Generator, codes: TextCodes
    ) -> Batch:
        del codes
        partner, keep = mixing(chosen, magnitude, generator)
        return replace(batch, partner=partner, keep=keep)


def mixing(rows_mask: torch.Tensor, magnitude: float, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """With whom each row is mixed, and how much of itself it keeps.

    Args:
        rows_mask: (batch,) bool, the rows to mix.
        magnitude: Beta's parameter a ≥ 0; 0 mixes nothing, greater mixes more.
        generator: a CPU generator; how far it moves on depends on the batch size alone.

    Returns:
        partner (batch,) int64, another row of the batch; keep (batch,) float32 in [1/2, 1]. Rows outside the mask have
        themselves and 1. Both are on the mask's device.
    """
    batch = rows_mask.shape[0]
    rows = torch.arange(batch)
    offset = torch.randint(1, max(batch, 2), (batch,), generator=generator)
    seed = int(torch.randint(torch.iinfo(torch.int64).max, (), generator=generator))
    partner, keep = (rows + offset) % max(batch, 1), _beta(batch, magnitude, seed)
    mask = rows_mask.cpu()
    partner, keep = torch.where(mask, partner, rows), torch.where(mask, keep, 1.0)
    return partner.to(rows_mask.device), keep.to(rows_mask.device)


def _beta(batch: int, magnitude: float, seed: int) -> torch.Tensor:
    """max(λ, 1 - λ) for `batch` draws; torch's own Beta takes no generator, NumPy's does."""
    if magnitude == 0:
        return torch.ones(batch)
    draws = np.random.default_rng(seed).beta(magnitude, magnitude, size=batch)
    return torch.from_numpy(np.maximum(draws, 1 - draws)).float()
