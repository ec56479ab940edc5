"""Rows of the main task under augmentation: which of its variants each one is, and what batch operations make of it."""

from collections.abc import Sequence

import torch

from ...spaces.configuration import Mix
from ..augmentation.registry import BATCH_OPERATIONS, OPERATIONS, TEXT_OPERATIONS
from ..prepared import PreparedObjective
from ..seeds import generator
from ..tasks.batch import Batch
from ..tasks.stacking import unstack


def mixed_rows(
    prepared: PreparedObjective, mixes: Sequence[Mix], rows: torch.Tensor, step: int, length: int | None
) -> list[Batch]:
    """Some rows (rows,) of the main task at a step, under the mix of each trial: a batch a trial.

    All trials draw the same numbers, so each has what it has alone; together they take the time of a few. `length` is
    what the rows are padded to; None: the longest one's.
    """
    bank, random = prepared.bank, generator(prepared.seed, "mix", step)
    drawn, replica = torch.rand(2, len(rows), generator=random)
    choice = _choices(mixes, drawn)
    stored = bank.places[_variants(prepared, mixes, choice, replica), rows].flatten()
    if length is None:
        length = int((bank.tokens.offsets[stored + 1] - bank.tokens.offsets[stored]).max())
    batch = Batch.of(bank.gather(stored, length, prepared.pad), bank.targets[stored])
    magnitude = torch.tensor([mix.magnitude for mix in mixes], dtype=torch.float64)
    for name, operation in BATCH_OPERATIONS.items():
        if (chosen := choice == OPERATIONS.index(name)).any():
            random = generator(prepared.seed, "mix", step, name)
            batch = operation.apply(batch, chosen, magnitude, random, prepared.codes)
    return unstack(batch, len(mixes))


def _choices(mixes: Sequence[Mix], drawn: torch.Tensor) -> torch.Tensor:
    """Each row's operation in each trial (trials, rows), as its place in OPERATIONS; beyond the last one: none."""
    shares = torch.tensor([[mix.operations.get(name, 0.0) for name in OPERATIONS] for mix in mixes])
    return torch.searchsorted(shares.cumsum(1), drawn.expand(len(mixes), -1).contiguous(), right=True)


def _variants(
    prepared: PreparedObjective, mixes: Sequence[Mix], choice: torch.Tensor, replica: torch.Tensor
) -> torch.Tensor:
    """Which row of the bank's places each row in each trial is taken from: (trials, rows)."""
    which = torch.zeros_like(choice)
    for place, name in enumerate(OPERATIONS):
        if name not in TEXT_OPERATIONS:
            continue
        for magnitude in {mix.magnitude for mix in mixes if mix.operations.get(name)}:
            has_it = torch.tensor([mix.magnitude == magnitude for mix in mixes]).unsqueeze(1)
            replicas = prepared.bank.variants[name, magnitude]
            which = torch.where((choice == place) & has_it, replicas[(replica * len(replicas)).long()], which)
    return which
