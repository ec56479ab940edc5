"""All weights of a trial as one row of numbers, so that trials are stacked, clipped and stepped as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Self

import torch
from torch import nn

_ALIGNED = 64
"""Numbers that rows begin at a multiple of: cuBLAS' fast products of bf16 ask for 8, caches and vectors for no more."""


@dataclass(frozen=True)
class FlatWeights:
    """Where each parameter stands in a row: first those that decay, of two or more dimensions, then the others.

    `shapes`: of each parameter by its name, in the model's order; tied ones come once.
    """

    shapes: Mapping[str, torch.Size]

    @classmethod
    def of(cls, model: nn.Module) -> Self:
        """The layout of a model's parameters."""
        return cls({name: parameter.shape for name, parameter in model.named_parameters()})

    @property
    def names(self) -> Sequence[str]:
        """In the model's order."""
        return list(self.shapes)

    @cached_property
    def decayed_first(self) -> Sequence[str]:
        """In the row's order."""
        return sorted(self.shapes, key=lambda name: len(self.shapes[name]) < 2)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Numbers of a row that decay, and that do not."""
        decayed = sum(shape.numel() for shape in self.shapes.values() if len(shape) >= 2)
        return decayed, sum(shape.numel() for shape in self.shapes.values()) - decayed

    def flat(self, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Parameters by name as a row (total,)."""
        return torch.cat([weights[name].detach().reshape(-1) for name in self.decayed_first])

    def named(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of rows (…, total): each parameter (…, *shape) by its name."""
        shapes = [self.shapes[name] for name in self.decayed_first]
        ends = accumulate(shape.numel() for shape in shapes)
        return {
            name: rows[..., end - shape.numel() : end].unflatten(-1, shape)
            for name, shape, end in zip(self.decayed_first, shapes, ends, strict=True)
        }


def split_decayed(row: torch.Tensor, layout: FlatWeights) -> Sequence[torch.Tensor]:
    """A row's two parts (…, numbers): what decays, and what does not."""
    return row.split(layout.sizes, dim=-1)


def empty_rows(like: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Memory for rows like some (slots, total), each of which begins at an aligned address; what lies between is none.

    Args:
        like: says how many, how long and where.
        dtype: of the numbers; None: the same.
    """
    slots, total = like.shape
    return like.new_empty(slots, -(-total // _ALIGNED) * _ALIGNED, dtype=dtype)[:, :total]
