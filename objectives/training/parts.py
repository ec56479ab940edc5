"""A batch in parts with accumulated gradients: for less memory, or for several processes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from ..data.targets import IGNORED
from ..tasks.batch import Batch, hidden_places


@dataclass(frozen=True)
class Division:
    """How each batch is divided; nothing of what is trained depends on it, but for dropout's draws."""

    parts: int = 1
    """Of one process's rows."""
    most_rows: int | None = None
    """Rows of a part at most, those that mixup blends in included; None: as many as `parts` makes."""
    rank: int = 0
    size: int = 1
    """Processes that share a batch, and which of them this is."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is divided."""
        return not self.limits and self.size == 1

    @property
    def limits(self) -> bool:
        """Whether less than a process's whole share is held at once."""
        return self.parts > 1 or self.most_rows is not None


def in_parts(batch: Batch, division: Division) -> Iterator[tuple[Batch, float]]:
    """The parts of a batch that this process has, and the share of each in the mean loss of the whole.

    Every kind's loss is a mean over its rows, or over the targets that are not ignored. A part without such targets
    is left out; but where the whole has none its first part stands for it, so that its weights have the same gradients
    of zero, and decay. Rows that mixup blends with rows of another part bring those along, uncounted; such a row
    takes two places, also where `most_rows` is 1.
    """
    terms = _terms(batch.targets)
    total = int(terms.sum())
    own = torch.arange(len(terms)).tensor_split(division.size)[division.rank]
    for place, rows in enumerate(_groups(own, batch.partner, division)):
        share = int(terms[rows].sum()) / max(total, 1)
        if share or (not total and place == 0):
            yield _part(batch, rows), share


def _groups(own: torch.Tensor, partner: torch.Tensor | None, division: Division) -> Iterator[list[int]]:
    """Some rows (rows,) of a batch, in order, cut where a part and what it brings along would be too much."""
    most = division.most_rows or -(-len(own) // division.parts)
    partners: list[int] = [] if partner is None else partner.tolist()
    chosen: list[int] = []
    present: set[int] = set()
    for row in own.tolist():
        needs = {row, partners[row]} if partners else {row}
        if chosen and division.limits and len(present | needs) > most:
            yield chosen
            chosen, present = [], set()
        chosen.append(row)
        present |= needs
    if chosen:
        yield chosen


def _terms(targets: torch.Tensor) -> torch.Tensor:
    """How many terms of the mean each row has: (rows,)."""
    if targets.is_floating_point():  # numbers, or a probability for each label: a row is one term
        return torch.ones(len(targets), dtype=torch.int64)
    return (targets != IGNORED).flatten(1).sum(1) if targets.dim() > 1 else torch.ones_like(targets)


def _part(batch: Batch, rows: list[int]) -> Batch:
    """Some rows, and behind them those that they are blended with, as they are before any blending."""
    if batch.partner is None or batch.keep is None:
        return _taken(batch, rows)
    partners = batch.partner.tolist()
    brought = sorted({partners[row] for row in rows} - set(rows))
    places = {row: place for place, row in enumerate([*rows, *brought])}
    part = _taken(batch, [*rows, *brought])
    partner = [places[partners[row]] for row in rows] + list(range(len(rows), len(places)))
    keep = torch.cat([batch.keep[rows], batch.keep.new_ones(len(brought))])
    counted = torch.arange(len(places), device=batch.ids.device) < len(rows)
    return replace(part, partner=batch.partner.new_tensor(partner), keep=keep, counted=counted)


def _taken(batch: Batch, rows: list[int]) -> Batch:
    whole = replace(batch, hidden=None)
    taken = replace(whole, **{name: part[rows] for name, part in whole.tensors.items()})
    return taken if batch.hidden is None else replace(taken, hidden=hidden_places(taken.targets))
