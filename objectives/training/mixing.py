"""Putting one step's batches together: which rows, which of their variants, blended with whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from ...spaces.configuration import Configuration, Mix
from ..augmentation.bank import BATCH_OPERATIONS, OPERATIONS, TEXT_OPERATIONS
from ..data.batches import BatchOrder, padded_length
from ..models.multi_task import PASS_TOKENS
from ..prepare import PreparedObjective, TaskRows
from ..seeds import generator
from ..tasks.batch import Batch
from ..tasks.task import Task
from .sampling import Draws, draw


@dataclass(frozen=True)
class Batches:
    """The batches of one configuration, step by step.

    All randomness comes from (seed, use, step): a trial sees the same rows, masks and draws whenever it
    runs, and two trials of one study differ only in what their configurations change.
    """

    prepared: PreparedObjective
    mix: Mix
    orders: Mapping[str, BatchOrder]
    fixed_shapes: bool
    """Pad to what such a batch has in every epoch, with a mix or without; else to the longest row's length."""
    draws: Draws | None = None
    """The sampled auxiliary of each step; None: every step has a batch of every task."""

    def at(self, step: int, known: dict[tuple[str, int], Batch] | None = None) -> dict[Task[Any], Batch]:
        """The batch of every task that is in a step (from 0), the main one first, on the CPU.

        `known`: those that trials of one form have in common, by task and step; what is not there yet is added.
        """
        known = {} if known is None else known
        return {
            self.prepared.train[name].task: self._known(name, turn, step, known) for name, turn in self._turns(step)
        }

    def pass_tokens(self, device: torch.device) -> int:
        """How many tokens the tasks of a step may share a pass up to.

        On a CPU that must not cost more memory than the largest batch does anyway; on a GPU few long passes are
        faster than many short ones.
        """
        return PASS_TOKENS if device.type == "cuda" else self._largest

    @cached_property
    def _largest(self) -> int:
        """Tokens of the largest batch of original rows, padding included, that any task has in any step."""
        return max(
            min(order.batch_size, len(order.lengths)) * int(order.lengths.max()) for order in self.orders.values()
        )

    def shapes(self, step: int) -> tuple[tuple[str, int, int], ...]:
        """Name, rows and fixed length of every task that is in a step."""
        return tuple(
            (name, len(self.orders[name].rows(turn)), self._length(name, turn)) for name, turn in self._turns(step)
        )

    def _length(self, name: str, turn: int) -> int:
        return self._padded[name][self.orders[name].place(turn)]

    @cached_property
    def _padded(self) -> Mapping[str, Sequence[int]]:
        """The fixed length of each task's batches, from short to long; where there is a mix, it fits any variant."""
        main, bank = self.prepared.settings.main_task, self.prepared.bank
        longest = {name: order.lengths for name, order in self.orders.items()}
        if self.mix.share:
            longest[main] = bank.tokens.lengths[bank.places].amax(0)
        return {name: order.padded(longest[name]) for name, order in self.orders.items()}

    def _turns(self, step: int) -> list[tuple[str, int]]:
        """The tasks of a step, and the number of the batch that each of them has come to."""
        if self.draws is None:
            return [(name, step) for name in self.orders]
        return [(self.prepared.settings.main_task, step), self.draws.at(step)]

    def _known(self, name: str, turn: int, step: int, known: dict[tuple[str, int], Batch]) -> Batch:
        if name == self.prepared.settings.main_task and self.mix.share:  # no other trial has its mix
            return self._batch(name, turn, step)
        if (name, step) not in known:
            known[name, step] = self._batch(name, turn, step)
        return known[name, step]

    def _batch(self, name: str, turn: int, step: int) -> Batch:
        rows, task_rows = self.orders[name].rows(turn), self.prepared.train[name]
        length = self._length(name, turn) if self.fixed_shapes else None
        if name == self.prepared.settings.main_task and self.mix.share:
            batch = self._mixed(rows, step, length)
        else:
            batch = gathered(task_rows, rows, self.prepared.pad, length=length)
        random = generator(self.prepared.seed, "prepare", name, step)
        return task_rows.task.prepare(batch, self.prepared.codes, random)

    def _mixed(self, rows: torch.Tensor, step: int, length: int | None) -> Batch:
        random = generator(self.prepared.seed, "mix", step)
        choice = self._choices(len(rows), random)
        replica = torch.rand(len(rows), generator=random)
        bank = self.prepared.bank
        which = torch.zeros(len(rows), dtype=torch.int64)
        for place, name in enumerate(OPERATIONS):
            if name in TEXT_OPERATIONS and self.mix.operations.get(name):
                replicas = bank.variants[name, self.mix.magnitude]
                which = torch.where(choice == place, replicas[(replica * len(replicas)).long()], which)
        stored = bank.places[which, rows]
        lengths = bank.tokens.offsets[stored + 1] - bank.tokens.offsets[stored]
        length = int(lengths.max()) if length is None else length
        batch = Batch(**bank.gather(stored, length, self.prepared.pad), targets=bank.targets[stored])
        for name, operation in BATCH_OPERATIONS.items():
            if self.mix.operations.get(name) and (chosen := choice == OPERATIONS.index(name)).any():
                batch = operation.apply(batch, chosen, self.mix.magnitude, random, self.prepared.codes)
        return batch

    def _choices(self, rows: int, random: torch.Generator) -> torch.Tensor:
        """Each row's operation, as its place in OPERATIONS; beyond the last one: none."""
        shares = torch.tensor([self.mix.operations.get(name, 0.0) for name in OPERATIONS])
        return torch.bucketize(torch.rand(rows, generator=random), shares.cumsum(0), right=True)


def gathered(
    rows: TaskRows, chosen: torch.Tensor, pad: int, *, fixed_shapes: bool = False, length: int | None = None
) -> Batch:
    """Some rows (batch,) of a task as a batch, padded to a length, to a bucket's, or to that of the longest row."""
    if length is None:
        length = padded_length(rows.tokens.lengths[chosen], rows.buckets if fixed_shapes else ())
    return Batch(**rows.tokens.gather(chosen, length, pad), targets=rows.targets[chosen])


def batches_of(prepared: PreparedObjective, configuration: Configuration, *, fixed_shapes: bool) -> Batches:
    """The batches that a configuration trains on; tasks that are off get none.

    Tasks on the same rows share one order: in every step they have the same rows, of the same length, which then go
    through the encoder together. A sampled task walks its rows in an order of its own, or it would miss those whose
    turn comes while another is drawn.
    """
    training, settings = prepared.training_of(configuration), prepared.settings
    main, auxiliaries = settings.main_task, [task for task in settings.auxiliary_tasks if task in configuration.ratios]
    sampled = training.sampling != "all" and bool(auxiliaries)
    orders: dict[str, BatchOrder] = {}
    for name in [main, *auxiliaries]:
        rows = prepared.train[name]
        shared = not sampled and settings.tasks[name].data is None
        orders[name] = BatchOrder(
            rows.tokens.lengths, rows.buckets, training.batch_size, prepared.seed, main if shared else name
        )
    counts = {name: len(prepared.train[name].tokens) for name in auxiliaries}
    draws = draw(counts, training, prepared.rungs(training)[-1], prepared.seed) if sampled else None
    return Batches(prepared, configuration.mix, orders, fixed_shapes, draws)
