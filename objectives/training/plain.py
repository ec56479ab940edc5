"""The plain trainer: each slot is one model of its own, trained from rung to rung in turn."""

import traceback
from dataclasses import dataclass

import torch

from ...spaces.configuration import Configuration
from ...spaces.errors import AutotuneError, Diverged
from ..prepare import PreparedObjective
from .folds import FoldRun
from .run import TrainingRun
from .tested import TestedRun
from .trainer import Checkpoint, Evaluation, Failure, FailureKind, Trainer

Run = TrainingRun | FoldRun | TestedRun

TAIL_LINES = 12
"""Of a traceback, in a trial's record."""


@dataclass
class _Slot:
    """A trial's place. Its model is built when it first advances, so that running out of memory is its own failure."""

    configuration: Configuration
    checkpoint: Checkpoint | None
    parts: int = 1
    run: Run | None = None
    failed: bool = False

    @property
    def step(self) -> int:
        if self.run is not None:
            return self.run.step
        return self.checkpoint.step if self.checkpoint is not None else 0

    @property
    def over(self) -> bool:
        return self.failed or (self.run is not None and self.run.finished)


class PlainTrainer(Trainer):
    """Trains any encoder, one trial after another; the one that is furthest behind goes first.

    With `tested` its evaluations are of the test data: one a trial, at its end (tested.py).
    """

    def __init__(
        self, prepared: PreparedObjective, device: torch.device, capacity: int = 1, *, tested: bool = False
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a trainer has at least one slot, not {capacity}")
        # Denormal numbers in fading moments slow a CPU down by an order of magnitude.
        torch.set_flush_denormal(True)
        self._prepared = prepared
        self._kind = TestedRun if tested else FoldRun if prepared.folds else TrainingRun
        self._device = device
        self._capacity = capacity
        self._slots: dict[int, _Slot] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        if trial_id in self._slots:
            raise ValueError(f"trial {trial_id} is in a slot already")
        if len(self._slots) >= self._capacity:
            raise ValueError(f"all {self._capacity} slots are taken")
        self._slots[trial_id] = _Slot(configuration, checkpoint, parts)

    def upcoming(self) -> list[int]:
        waiting = [trial_id for trial_id, slot in self._slots.items() if not slot.over]
        return [min(waiting, key=lambda trial_id: self._slots[trial_id].step)] if waiting else []

    def advance(self) -> list[Evaluation]:
        if not (upcoming := self.upcoming()):
            return []
        (trial_id,) = upcoming
        slot = self._slots[trial_id]
        try:
            return [self._running(trial_id, slot).advance()]
        except Exception as error:
            if isinstance(error, AutotuneError) and not isinstance(error, Diverged):
                raise  # the user's mistake, of every trial
            step, slot.failed = slot.step, True
            slot.run = slot.checkpoint = None  # what ran out of memory must not keep it
            return [Evaluation(trial_id, step, finished=True, failure=_failure(error))]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        slot = self._slot(trial_id)
        if slot.failed:
            return None
        return slot.checkpoint if slot.run is None else slot.run.checkpoint()

    def evict(self, trial_id: int) -> Checkpoint | None:
        checkpoint = None if self._slot(trial_id).over else self.checkpoint(trial_id)
        self.discard(trial_id)
        return checkpoint

    def discard(self, trial_id: int) -> None:
        self._slot(trial_id)
        del self._slots[trial_id]

    def _slot(self, trial_id: int) -> _Slot:
        if trial_id not in self._slots:
            raise ValueError(f"trial {trial_id} is in no slot")
        return self._slots[trial_id]

    def _running(self, trial_id: int, slot: _Slot) -> Run:
        if slot.run is None:
            run = self._kind(trial_id, slot.configuration, self._prepared, self._device, slot.parts)
            if slot.checkpoint is not None:
                run.restore(slot.checkpoint)
            slot.run, slot.checkpoint = run, None
        return slot.run


def tail(error: BaseException) -> str:
    """The last lines of an error's traceback."""
    return "\n".join("".join(traceback.format_exception(error)).splitlines()[-TAIL_LINES:])


def _failure(error: Exception) -> Failure:
    """The name of what went wrong. On the CPU torch reports a failed allocation as a plain RuntimeError."""
    message, trace = str(error) or type(error).__name__, tail(error)
    if isinstance(error, Diverged):
        return Failure(FailureKind.DIVERGED, message, trace)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in message:
        return Failure(FailureKind.OUT_OF_MEMORY, message, trace)
    return Failure(FailureKind.CRASHED, message, trace)
