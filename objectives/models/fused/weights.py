"""All weights of a trial as one row of numbers, so that trials are stacked, clipped and stepped as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import torch
from torch import nn


@dataclass(frozen=True)
class FlatWeights:
    """Where each parameter stands in a row: first those that decay, then the others.

    `shapes` by name, in the row's order; `decayed` numbers of the row belong to parameters that decay.
    """

    shapes: Mapping[str, torch.Size]
    decayed: int

    @classmethod
    def of(cls, model: nn.Module) -> Self:
        """The layout of a model's parameters; those of fewer than two dimensions do not decay, tied ones come once."""
        found = dict(model.named_parameters())
        ordered = sorted(found, key=lambda name: found[name].ndim < 2)
        decayed = sum(parameter.numel() for parameter in found.values() if parameter.ndim >= 2)
        return cls({name: found[name].shape for name in ordered}, decayed)

    @property
    def total(self) -> int:
        """Numbers of a row."""
        return sum(shape.numel() for shape in self.shapes.values())

    def flat(self, weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Parameters by name as a row (total,)."""
        return torch.cat([weights[name].detach().reshape(-1) for name in self.shapes])

    def named(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of rows (…, total): each parameter (…, *shape) by its name."""
        ends = accumulate(shape.numel() for shape in self.shapes.values())
        return {
            name: rows[..., end - shape.numel() : end].unflatten(-1, shape)
            for (name, shape), end in zip(self.shapes.items(), ends, strict=True)
        }


def split_decayed(row: torch.Tensor, layout: FlatWeights) -> Sequence[torch.Tensor]:
    """A row's two parts: what decays, and what does not."""
    return row.split([layout.decayed, layout.total - layout.decayed], dim=-1)
