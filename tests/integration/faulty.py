"""Recipes of trainers with faults, for worker processes."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from autotune.objectives.multi_task.model import PASS_TOKENS, MultiTaskModel
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors.worker import Note, Recipe

BAD = 3
"""The trial that the fault is in."""
RAISING, HANGING = 4, 5
"""Trials with a fault of their own, where there are several."""
ROWS = 6
"""More rows in a batch than that do not fit."""


class KilledOnce(Recipe):
    """Dies of a kill -9 in the second rung of its first life."""

    def make(self, note: Note) -> Trainer:
        return faulty_in(super().make(note), BAD, lambda steps: steps == 2 and first_time(self), _die)


class AlwaysKilled(Recipe):
    """Dies in the first rung of the bad trial, in every life."""

    def make(self, note: Note) -> Trainer:
        return faulty_in(super().make(note), BAD, lambda _: True, _die)


class Hanging(Recipe):
    """Hangs in the second rung of the bad trial."""

    def make(self, note: Note) -> Trainer:
        return faulty_in(super().make(note), BAD, lambda steps: steps == 2, _hang)


class Raising(Recipe):
    """Raises something that no trainer expects, in the whole worker."""

    def make(self, note: Note) -> Trainer:
        return faulty_in(super().make(note), BAD, lambda _: True, _raise)


class EachItsOwn(KilledOnce):
    """Three faulty trials: one dies once, one raises in every life, one hangs."""

    def make(self, note: Note) -> Trainer:
        trainer = faulty_in(super().make(note), RAISING, lambda _: True, _raise)
        return faulty_in(trainer, HANGING, lambda steps: steps == 2, _hang)


class SlowToPrepare(Recipe):
    """Takes 10 s to make ready for a trial, as on a fresh seed."""

    def make(self, note: Note) -> Trainer:
        trainer = super().make(note)
        admit = trainer.admit

        def slow(*args: Any, **given: Any) -> None:  # noqa: ANN401, the trainer's own
            time.sleep(10)
            admit(*args, **given)

        trainer.admit = slow
        return trainer


class NotStarting(Recipe):
    """Never gets so far as a trainer."""

    def make(self, note: Note) -> Trainer:
        raise LookupError("no such card")


class ShortOfMemory(Recipe):
    """Cannot hold whole batches; half of one fits."""

    def make(self, note: Note) -> Trainer:
        _limit(ROWS)
        return super().make(note)


class WithoutMemory(Recipe):
    """Cannot hold a single row of training."""

    def make(self, note: Note) -> Trainer:
        _limit(0)
        return super().make(note)


def with_fault(kind: type[Recipe], recipe: Recipe) -> Recipe:
    """The recipe, with what is wrong with such ones."""
    return kind(recipe.file, recipe.base, recipe.store, recipe.slots)


def _limit(rows: int) -> None:
    passes = MultiTaskModel.passes

    def limited(
        self: MultiTaskModel, batches: Mapping[Any, Any], most_tokens: int = PASS_TOKENS
    ) -> Iterator[dict[str, torch.Tensor]]:
        if self.training and any(len(batch.ids) > rows for batch in batches.values()):
            raise torch.OutOfMemoryError("simulated")
        return passes(self, batches, most_tokens)

    MultiTaskModel.passes = limited


def faulty_in(trainer: Trainer, bad: int, when: Any, what: Any) -> Trainer:  # noqa: ANN401, two callables
    """`what` happens in those rungs of the trial `bad` that `when` says."""
    advance, rounds = trainer.advance, dict[int, int]()

    def faulty() -> list[Evaluation]:
        for trial_id in trainer.upcoming():
            rounds[trial_id] = rounds.get(trial_id, 0) + 1
            if trial_id == bad and when(rounds[trial_id]):
                what()
        return advance()

    trainer.advance = faulty
    return trainer


def first_time(recipe: Recipe) -> bool:
    mark = Path(recipe.base) / "killed"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    time.sleep(3600)


def _raise() -> None:
    raise LookupError("a bug in the worker")
