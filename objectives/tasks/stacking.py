"""Batches of several trials, or of several tasks, as one: their rows one after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from ..data.targets import pad_together
from .batch import Batch


@dataclass
class StackedBatch(Batch):
    """The rows of several trials, as many of each, one trial's after another's: (slots · rows, length).

    Its means are each trial's own.
    """

    slots: int = 1

    def mean(self, terms: torch.Tensor, counted: torch.Tensor | None = None) -> torch.Tensor:
        """(slots,)."""
        if counted is None:
            return self._apart(terms).mean(1)
        return self._apart(terms).sum(1) / self._apart(counted).sum(1).clamp(min=1)

    def _apart(self, values: torch.Tensor) -> torch.Tensor:
        """(slots · rows, …) -> (slots, values)."""
        return values.unflatten(0, (self.slots, -1)).flatten(1)


def stack(batches: Sequence[Batch]) -> StackedBatch:
    """The batches of one task in several trials as one; all are of one shape."""
    targets = pad_together([batch.targets for batch in batches])
    parts: dict[str, Any] = {**join(batches).tensors, "targets": targets, **_hidden(batches)}
    return StackedBatch(**parts, slots=len(batches))


def _hidden(batches: Sequence[Batch]) -> dict[str, Any]:
    """The hidden tokens of all trials, one trial's after another's, and how many each has."""
    parts = [batch.hidden for batch in batches if batch.hidden is not None]
    if not parts:
        return {}
    places = [slot * batches[0].ids.numel() + part for slot, part in enumerate(parts)]
    return {"hidden": torch.cat(places), "shares": [len(part) for part in parts]}


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


def unstack(batch: Batch, trials: int) -> list[Batch]:
    """The batches of several trials that stand as one, as many rows of each, one trial's after another's."""
    rows = len(batch.ids) // trials
    split: dict[str, Any] = {name: part.split(rows) for name, part in batch.tensors.items()}
    if batch.partner is not None:
        starts = torch.arange(trials).repeat_interleave(rows) * rows
        split["partner"] = (batch.partner - starts).split(rows)
    return [Batch(**{name: part[trial] for name, part in split.items()}) for trial in range(trials)]


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
