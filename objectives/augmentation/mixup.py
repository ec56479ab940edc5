"""Mixup: rows of a batch blended with other rows of the same batch.

Zhang et al. 2018, https://arxiv.org/abs/1710.09412: x = λ·x_i + (1 - λ)·x_j, the labels likewise, λ ~ Beta(a, a).
For texts the blend is of token embeddings, and of the two rows' losses. λ is folded to at least 1/2 (as in MixMatch,
Berthelot et al. 2019, https://arxiv.org/abs/1905.02249), so that a row stays mostly itself.
"""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch

from ..tasks.batch import Batch, TextCodes
from ..tasks.task import Task
from .batch_operation import BatchOperation


class Mixup(BatchOperation):
    """Blends embeddings and losses of each chosen row with those of another row of its batch."""

    name: ClassVar[str] = "mixup"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "Beta's parameter: how far a row is blended with another, at 0 not at all"
    changes_label: ClassVar[bool] = True
    refusal: ClassVar[str] = "cannot blend the rows of"

    def fits(self, task: Task[Any]) -> bool:
        return task.mixes

    def apply(
        self, batch: Batch, chosen: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator, codes: TextCodes
    ) -> Batch:
        del codes
        partner, keep = mixing(chosen, magnitude, generator)
        starts = torch.arange(len(chosen)).unsqueeze(1) * chosen.shape[1]
        return replace(batch, partner=(starts + partner).flatten(), keep=keep.flatten())


def mixing(
    chosen: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """With whom each row is mixed, and how much of itself it keeps; all trials have the same draws.

    Args:
        chosen: (trials, rows) bool, the rows to mix.
        magnitude: (trials,), Beta's parameter a ≥ 0; 0 mixes nothing, greater mixes more.
        generator: a CPU generator; how far it moves on depends on the number of rows alone.

    Returns:
        partner (trials, rows) int64, another row of the same trial; keep (trials, rows) float32 in [1/2, 1]. Rows that
        are not chosen have themselves and 1.
    """
    count = chosen.shape[1]
    rows = torch.arange(count)
    offset = torch.randint(1, max(count, 2), (count,), generator=generator)
    seed = int(torch.randint(torch.iinfo(torch.int64).max, (), generator=generator))
    sizes: list[float] = magnitude.tolist()
    known = {size: _beta(count, size, seed) for size in set(sizes)}
    keep = torch.stack([known[size] for size in sizes])
    return torch.where(chosen, (rows + offset) % max(count, 1), rows), torch.where(chosen, keep, 1.0)


def _beta(rows: int, magnitude: float, seed: int) -> torch.Tensor:
    """max(λ, 1 - λ) for `rows` draws; torch's own Beta takes no generator, NumPy's does."""
    if magnitude == 0:
        return torch.ones(rows)
    draws = np.random.default_rng(seed).beta(magnitude, magnitude, size=rows)
    return torch.from_numpy(np.maximum(draws, 1 - draws)).float()
