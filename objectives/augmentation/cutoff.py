"""Cutoff: a part of what a row's embeddings say is taken away (Shen et al. 2020, https://arxiv.org/abs/2009.13818).

Each chosen row loses tokens here and there, one span of tokens, or some features of all its tokens; which of the three
is drawn row by row. What is lost is zero in the token embeddings. Positions, token types and attention stay, so nothing
moves: targets that stand at tokens stay where they are, and tags of lost words are guessed from their context. The
paper's consistency loss between a row and its cut copies is not part of this.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import torch

from ..tasks.batch import Batch, TextCodes
from .batch_operation import BatchOperation

TOKENS, SPAN, FEATURES = range(3)


class Cutoff(BatchOperation):
    """Special tokens, the last token (which decoder-only models read) and one more token or feature always stay."""

    name: ClassVar[str] = "cutoff"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "the share of a row's tokens, or of its embedding's features, that is zeroed, rounded up"
    asks: ClassVar[Literal["mixes", "cuts"]] = "cuts"
    refusal: ClassVar[str] = "cannot drop a part of what is read by"

    def apply(
        self, batch: Batch, chosen: torch.Tensor, magnitude: float, generator: torch.Generator, codes: TextCodes
    ) -> Batch:
        rows = len(batch.ids)
        kind = torch.randint(3, (rows,), generator=generator)
        # How much is drawn below depends on the batch's length, so it has a random state of its own.
        own = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        free = _free(batch, codes)
        tokens = torch.where((kind == SPAN)[:, None], _span(free, magnitude, own), _scattered(free, magnitude, own))
        features = _scattered(torch.ones(rows, codes.width, dtype=torch.bool), magnitude, own)
        return replace(
            batch,
            cut_tokens=tokens & (chosen & (kind != FEATURES))[:, None],
            cut_features=features & (chosen & (kind == FEATURES))[:, None],
        )


def _free(batch: Batch, codes: TextCodes) -> torch.Tensor:
    """The tokens (rows, length) bool that may go."""
    free = batch.mask & ~torch.isin(batch.ids, codes.special)
    last = batch.mask.sum(1) - 1
    return free & (torch.arange(free.shape[1]) != last[:, None])


def _counts(free: torch.Tensor, magnitude: float) -> torch.Tensor:
    """How many go of each row (rows,): the share of those that may, rounded up; but never all."""
    known = free.sum(1)
    # 0.07 * 100 is 7.000000000000001, which is still seven.
    wanted = (known * magnitude - 1e-9).ceil().long()
    return torch.minimum(wanted, known - 1).clamp(min=0)


def _scattered(free: torch.Tensor, magnitude: float, generator: torch.Generator) -> torch.Tensor:
    """Some of the free places (rows, length) bool of each row, here and there."""
    order = torch.rand(free.shape, generator=generator).masked_fill(~free, 2.0).argsort(1)
    return order.argsort(1) < _counts(free, magnitude)[:, None]


def _span(free: torch.Tensor, magnitude: float, generator: torch.Generator) -> torch.Tensor:
    """As many free places (rows, length) bool one after another; what is not free within them stays."""
    count, place = _counts(free, magnitude), free.cumsum(1) - 1
    start = (torch.rand(len(free), generator=generator) * (free.sum(1) - count + 1)).long()[:, None]
    return free & (place >= start) & (place < start + count[:, None])
