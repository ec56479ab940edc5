"""Trainers with faults, for worker processes: each is a recipe's `make`."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from autotune.objectives.multi_task.model import PASS_TOKENS, MultiTaskModel
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors.worker import Note, Recipe, make_trainer

BAD = 3
"""The trial that the fault is in."""
RAISING, HANGING = 4, 5
"""Trials with a fault of their own, where there are several."""
ROWS = 6
"""More rows in a batch than that do not fit."""


def killed_once(recipe: Recipe, note: Note) -> Trainer:
    """Dies of a kill -9 in the second rung of its first life."""
    return _patched(recipe, note, lambda steps: steps == 2 and first_time(recipe), _die)


def always_killed(recipe: Recipe, note: Note) -> Trainer:
    """Dies in the first rung of the bad trial, in every life."""
    return _patched(recipe, note, lambda _: True, _die)


def hanging(recipe: Recipe, note: Note) -> Trainer:
    """Hangs in the second rung of the bad trial."""
    return _patched(recipe, note, lambda steps: steps == 2, lambda: time.sleep(3600))


def raising(recipe: Recipe, note: Note) -> Trainer:
    """Raises something that no trainer expects, in the whole worker."""
    return _patched(recipe, note, lambda _: True, _raise)


def each_its_own(recipe: Recipe, note: Note) -> Trainer:
    """Three faulty trials: one dies once, one raises in every life, one hangs."""
    trainer = killed_once(recipe, note)
    trainer = faulty_in(trainer, RAISING, lambda _: True, _raise)
    return faulty_in(trainer, HANGING, lambda steps: steps == 2, lambda: time.sleep(3600))


def slow_to_prepare(recipe: Recipe, note: Note) -> Trainer:
    """Takes 10 s to make ready for a trial, as on a fresh seed."""
    trainer = make_trainer(recipe, note)
    admit = trainer.admit

    def slow(*args: Any, **given: Any) -> None:  # noqa: ANN401, the trainer's own
        time.sleep(10)
        admit(*args, **given)

    trainer.admit = slow
    return trainer


def not_starting(recipe: Recipe, note: Note) -> Trainer:
    """Never gets so far as a trainer."""
    raise LookupError("no such card")


def short_of_memory(recipe: Recipe, note: Note) -> Trainer:
    """Cannot hold whole batches; half of one fits."""
    _limit(ROWS)
    return make_trainer(recipe, note)


def without_memory(recipe: Recipe, note: Note) -> Trainer:
    """Cannot hold a single row of training."""
    _limit(0)
    return make_trainer(recipe, note)


def _limit(rows: int) -> None:
    passes = MultiTaskModel.passes

    def limited(
        self: MultiTaskModel, batches: Mapping[Any, Any], most_tokens: int = PASS_TOKENS
    ) -> Iterator[dict[str, torch.Tensor]]:
        if self.training and any(len(batch.ids) > rows for batch in batches.values()):
            raise torch.OutOfMemoryError("simulated")
        return passes(self, batches, most_tokens)

    MultiTaskModel.passes = limited


def _patched(recipe: Recipe, note: Note, when: Any, what: Any) -> Trainer:  # noqa: ANN401, two callables
    return faulty_in(make_trainer(recipe, note), BAD, when, what)


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


def _raise() -> None:
    raise LookupError("a bug in the worker")
