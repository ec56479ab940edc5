"""Batches of several trials, or of several tasks, as one: their rows one after another."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import torch

from ..data.targets import pad_together
from .batch import Batch


def fold(batches: Sequence[Batch]) -> Batch:
    """The batches of one task in several trials, each (rows, length), as one of (slots · rows, length)."""
    return replace(join(batches), targets=pad_together([batch.targets for batch in batches]), slots=len(batches))


def join(batches: Sequence[Batch]) -> Batch:
    """What the encoder reads of batches of one length; targets are left out.

    What only some of them have (mixup's partners, token types, cuts) the others get in the form that changes nothing.
    """
    device = batches[0].ids.device
    starts = [0, *accumulate(len(batch.ids) for batch in batches)]
    rows = [torch.arange(len(batch.ids), device=device) for batch in batches]
    partners = [
        start + (own if batch.partner is None else batch.partner)
        for start, own, batch in zip(starts, rows, batches, strict=False)
    ]
    return Batch(
        ids=torch.cat([batch.ids for batch in batches]),
        mask=torch.cat([batch.mask for batch in batches]),
        targets=torch.empty(starts[-1], 0, device=device),
        partner=None if all(batch.partner is None for batch in batches) else torch.cat(partners),
        keep=_filled(batches, "keep", 1.0),
        types=_filled(batches, "types", 0),
        cut_tokens=_filled(batches, "cut_tokens", False),
        cut_features=_filled(batches, "cut_features", False),
    )


def _filled(batches: Sequence[Batch], name: str, neutral: float) -> torch.Tensor | None:
    """One part of all batches; where a batch has none, rows of the neutral number."""
    parts: list[torch.Tensor | None] = [getattr(batch, name) for batch in batches]
    known = next((part for part in parts if part is not None), None)
    if known is None:
        return None
    filled = [
        known.new_full((len(batch.ids), *known.shape[1:]), neutral) if part is None else part
        for part, batch in zip(parts, batches, strict=True)
    ]
    return torch.cat(filled)
