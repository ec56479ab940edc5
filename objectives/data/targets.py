"""Targets of a task's rows as tensors: one value per row, or one per token."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch

IGNORED = -100
"""A target that is not predicted, and the padding of ragged targets: transformers' and torch's own number for it."""


class Targets(Protocol):
    """Targets of a task's rows. A plain tensor (rows, …) is one.

    Indexed by rows (batch,) they give a tensor, rows first; what is ragged is padded with IGNORED.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, rows: torch.Tensor, /) -> torch.Tensor: ...


@dataclass(frozen=True)
class RaggedTargets:
    """Several targets a row: `values` (targets,) int64, all rows one after another; `offsets` (rows + 1,) int64."""

    values: torch.Tensor
    offsets: torch.Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """(batch, longest of these rows) int64."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        columns = torch.arange(int(lengths.max()) if len(rows) else 0)
        places = (self.offsets[rows].unsqueeze(1) + columns).clamp_(max=max(len(self.values) - 1, 0))
        return self.values[places].masked_fill_(columns >= lengths.unsqueeze(1), IGNORED)

    def take(self, rows: torch.Tensor) -> Self:
        """Some rows (kept,), as targets of their own."""
        return replace(self, values=self.values[places_of(self.offsets, rows)], offsets=offsets_of(self.offsets, rows))


class TextTargets(RaggedTargets):
    """Ragged targets that are tokens, so that the vocabulary must hold them; IGNORED may stand between."""

    def mapped(self, table: torch.Tensor) -> "TextTargets":
        """The same targets in another numbering: `table` (old vocabulary,) holds each token's new id."""
        ignored = self.values == IGNORED
        return replace(self, values=table[self.values.masked_fill(ignored, 0)].masked_fill(ignored, IGNORED))


def places_of(offsets: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Where the elements of some rows (kept,) stand in a flat array, row by row."""
    starts, lengths = offsets[rows], offsets.diff()[rows]
    within = torch.arange(int(lengths.sum())) - (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
    return starts.repeat_interleave(lengths) + within


def offsets_of(offsets: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The offsets of some rows (kept,) once they stand alone: (kept + 1,) int64."""
    return offsets_from(offsets.diff()[rows])


def offsets_from(lengths: torch.Tensor) -> torch.Tensor:
    """The offsets of rows that have so many elements each (rows,), in a flat array: (rows + 1,) int64."""
    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])


def take_targets(targets: Targets, rows: torch.Tensor) -> Targets:
    """Some rows (kept,) of any targets."""
    return targets.take(rows) if isinstance(targets, RaggedTargets) else targets[rows]


def pad_together(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tensors (rows, …, length) of several lengths one after another, padded with IGNORED to the longest."""
    if parts[0].ndim < 2:
        return torch.cat(list(parts))
    longest = max(part.shape[-1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, longest - part.shape[-1]), value=IGNORED) for part in parts])


def widened(targets: torch.Tensor, length: int) -> torch.Tensor:
    """Targets (rows, shorter) of tokens padded with IGNORED to the batch's length."""
    return torch.nn.functional.pad(targets, (0, length - targets.shape[1]), value=IGNORED)
