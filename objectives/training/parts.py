"""A batch in parts whose gradients add up to the whole one's, for less memory at a time."""

from collections.abc import Iterator
from dataclasses import fields, replace

import torch

from ..data.targets import IGNORED
from ..tasks.batch import Batch


def in_parts(batch: Batch, count: int) -> Iterator[tuple[Batch, float]]:
    """At most `count` parts of a batch, and the share of each in the mean loss of the whole.

    Every kind's loss is a mean over its rows, or over the targets that are not ignored. A part without such targets
    is left out. A batch whose rows mixup blends with each other stays whole.
    """
    if batch.partner is not None:
        yield batch, 1.0
        return
    terms = _terms(batch.targets)
    total = int(terms.sum())
    for rows in torch.arange(len(terms), device=batch.ids.device).chunk(count):
        share = int(terms[rows].sum()) / max(total, 1)
        if share:
            yield _rows(batch, rows), share


def _terms(targets: torch.Tensor) -> torch.Tensor:
    """How many terms of the mean each row has: (rows,)."""
    if targets.is_floating_point():  # numbers, or a probability for each label: a row is one term
        return torch.ones(len(targets), dtype=torch.int64)
    return (targets != IGNORED).flatten(1).sum(1) if targets.dim() > 1 else torch.ones_like(targets)


def _rows(batch: Batch, rows: torch.Tensor) -> Batch:
    present = {part.name: getattr(batch, part.name) for part in fields(batch)}
    return replace(batch, **{name: part[rows] for name, part in present.items() if part is not None})
