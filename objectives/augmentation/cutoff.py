"""Cutoff: parts of a row's embeddings are zeroed (Shen et al. 2020, https://arxiv.org/abs/2009.13818).

Each chosen row loses tokens here and there, one span of tokens, or some features of all its tokens; which of the three
is drawn row by row. What is lost is zero in the token embeddings. Positions, token types and attention stay, so nothing
moves: targets that stand at tokens stay where they are, and tags of lost words are guessed from their context. The
paper's consistency loss between a row and its cut copies is not part of this.
"""

from dataclasses import replace
from typing import Any, ClassVar

import torch

from ..tasks.batch import Batch, TextCodes
from ..tasks.task import Task
from .batch_operation import BatchOperation
from .words import ROUNDING

_, SPAN, FEATURES = range(3)


class Cutoff(BatchOperation):
    """Special tokens, the last token (which decoder-only models read) and one more token or feature always stay."""

    name: ClassVar[str] = "cutoff"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "the share of a row's tokens, or of its embedding's features, that is zeroed, rounded up"
    refusal: ClassVar[str] = "cannot drop parts of the input of"

    def fits(self, task: Task[Any]) -> bool:
        return task.cuts

    def apply(
        self, batch: Batch, chosen: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator, codes: TextCodes
    ) -> Batch:
        kind = torch.randint(3, chosen.shape[1:], generator=generator)
        free = _free(batch, codes).unflatten(0, chosen.shape)
        tokens = torch.where(
            (kind == SPAN)[:, None], _span(free, magnitude, generator), _scattered(free, magnitude, generator)
        )
        every = torch.ones(1, chosen.shape[1], codes.width, dtype=torch.bool)
        features = _scattered(every, magnitude, generator)
        return replace(
            batch,
            cut_tokens=(tokens & (chosen & (kind != FEATURES)).unsqueeze(2)).flatten(0, 1),
            cut_features=(features & (chosen & (kind == FEATURES)).unsqueeze(2)).flatten(0, 1),
        )


def _free(batch: Batch, codes: TextCodes) -> torch.Tensor:
    """The tokens (rows, length) bool that may go."""
    free = batch.mask & ~torch.isin(batch.ids, codes.special)
    last = batch.mask.sum(1) - 1
    return free & (torch.arange(free.shape[1]) != last[:, None])


def _counts(free: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """How many go of each row (trials, rows): the share of those that may, rounded up; but never all."""
    known = free.sum(2)
    wanted = (known * magnitude.double().unsqueeze(1) - ROUNDING).ceil().long()
    return torch.minimum(wanted, known - 1).clamp(min=0)


def _scattered(free: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Some of the free places (trials, rows, length) bool of each row, here and there."""
    order = torch.rand(free.shape[1:], generator=generator).masked_fill(~free, 2.0).argsort(2)
    return order.argsort(2) < _counts(free, magnitude).unsqueeze(2)


def _span(free: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """As many free places (trials, rows, length) bool one after another; what is not free within them stays."""
    count, place = _counts(free, magnitude), free.cumsum(2) - 1
    drawn = torch.rand(free.shape[1], generator=generator)
    start = (drawn * (free.sum(2) - count + 1)).long().unsqueeze(2)
    return free & (place >= start) & (place < start + count.unsqueeze(2))
