"""Assembling one step's batches: which rows of which tasks, and what several trials share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple

import torch

from ...spaces.configuration import Configuration, Mix
from ..data.batches import BatchOrder, padded_length
from ..multi_task.model import PASS_TOKENS
from ..prepared import PreparedObjective, TaskRows
from ..seeds import generator
from ..tasks.batch import Batch
from ..tasks.task import Task
from .mixed_rows import mixed_rows
from .sampling import Draws, draw


class Wanted(NamedTuple):
    """A batch of a step, which is the same for all trials of one form unless its rows are augmented."""

    name: str
    turn: int
    step: int
    augmented: bool


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
    draws: Draws | None
    """The sampled auxiliary of each step; None: every step has a batch of every task."""

    def at(self, step: int) -> dict[Task[Any], Batch]:
        """The batch of every task that is in a step (from 0), the main one first, on the CPU."""
        return together([(self, step)])[0]

    def pass_tokens(self, device: torch.device) -> int:
        """How many tokens the tasks of a step may share a pass up to.

        On a CPU that must not cost more memory than the largest batch does anyway; on a GPU few long passes are
        faster than many short ones.
        """
        return PASS_TOKENS if device.type == "cuda" else self._largest

    @cached_property
    def _largest(self) -> int:
        """Tokens of the largest batch of original rows, padding included, that any task has in any step."""
        return max(order.most_rows * int(order.lengths.max()) for order in self.orders.values())

    def shapes(self, step: int) -> tuple[tuple[str, int, int], ...]:
        """Name, rows and fixed length of every task that is in a step."""
        return tuple(
            (name, len(self.orders[name].rows(turn)), self._length(name, turn)) for name, turn in self.turns(step)
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

    def turns(self, step: int) -> list[tuple[str, int]]:
        """The tasks of a step, the main one first, and the number of the batch that each of them has come to."""
        if self.draws is None:
            return [(name, step) for name in self.orders]
        return [(self.prepared.settings.main_task, step), self.draws.at(step)]

    def wanted(self, step: int) -> list[Wanted]:
        """What a step consists of."""
        main = self.prepared.settings.main_task
        return [Wanted(name, turn, step, name == main and self.mix.share > 0) for name, turn in self.turns(step)]

    def made(self, wanted: Wanted, mixes: Sequence[Mix]) -> Iterator[Batch]:
        """A batch for each of some trials' mixes; of rows that nobody augments the one batch of whoever asks."""
        name, turn, step, augmented = wanted
        rows, task_rows = self.orders[name].rows(turn), self.prepared.train[name]
        length = self._length(name, turn) if self.fixed_shapes else None
        if augmented:
            batches = mixed_rows(self.prepared, mixes, rows, step, length)
        else:
            batches = [gathered(task_rows, rows, self.prepared.pad, length=length)]
        for batch in batches:
            random = generator(self.prepared.seed, "prepare", name, step)
            yield task_rows.task.prepare(batch, self.prepared.codes, random)


def together(sources: Sequence[tuple[Batches, int]]) -> list[dict[Task[Any], Batch]]:
    """The batches of trials of one form, each at its own step: all that each would have alone, made in one go.

    A batch that several have in common is made once; those under a mix, which are each trial's own, in few operations.
    """
    steps = [(batches, batches.wanted(step)) for batches, step in sources]
    asking: dict[Wanted, list[Batches]] = {}
    for batches, parts in steps:
        for wanted in parts:
            asking.setdefault(wanted, []).append(batches)
    made: dict[Wanted, Iterator[Batch]] = {}
    for wanted, those in asking.items():
        found = those[0].made(wanted, [batches.mix for batches in those])
        made[wanted] = found if wanted.augmented else repeat(next(found))
    return [
        {batches.prepared.train[wanted.name].task: next(made[wanted]) for wanted in parts} for batches, parts in steps
    ]


def gathered(
    rows: TaskRows, chosen: torch.Tensor, pad: int, *, fixed_shapes: bool = False, length: int | None = None
) -> Batch:
    """Some rows (batch,) of a task as a batch, padded to a length, to a bucket's, or to that of the longest row."""
    if length is None:
        length = padded_length(rows.tokens.lengths[chosen], rows.buckets if fixed_shapes else ())
    return Batch.of(rows.tokens.gather(chosen, length, pad), rows.targets[chosen])


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
