"""The plain trainer: each slot is one model of its own, trained from rung to rung in turn."""

import time
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .failing import failure_of, is_more_than_a_trials
from .run import TrainingRun
from .trainer import Checkpoint, Evaluation, Trainer, check_capacity, check_slot, in_slot
from .whole import FoldRun, TestedRun, WholeRun


class Run(Protocol):
    """One trial under training, as far as its slot is concerned."""

    @property
    def step(self) -> int: ...

    @property
    def finished(self) -> bool: ...

    def checkpoint(self) -> Checkpoint | None: ...

    def restore(self, checkpoint: Checkpoint) -> None: ...


@dataclass
class Slot:
    """A trial's place. Its model is built when it first advances, so that running out of memory is its own failure."""

    configuration: Configuration
    checkpoint: Checkpoint | None
    parts: int
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

    With `tested` its evaluations are of the test data: one a trial, at its end (whole.py).
    """

    def __init__(
        self, prepared: PreparedObjective, device: torch.device, capacity: int = 1, *, tested: bool = False
    ) -> None:
        check_capacity(capacity)
        # Denormal numbers in fading moments slow a CPU down by an order of magnitude.
        torch.set_flush_denormal(True)
        self._prepared = prepared
        self._kind = TestedRun if tested else FoldRun if prepared.folds else TrainingRun
        self._device = device
        self._capacity = capacity
        self._slots: dict[int, Slot] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        check_slot(trial_id, self._slots, self._capacity)
        self._slots[trial_id] = Slot(configuration, checkpoint, parts)

    def upcoming(self) -> list[int]:
        waiting = [trial_id for trial_id, slot in self._slots.items() if not slot.over]
        return [min(waiting, key=lambda trial_id: self._slots[trial_id].step)] if waiting else []

    def advance(self) -> list[Evaluation]:
        return [self._alone(trial_id) for trial_id in self.upcoming()]

    def _alone(self, trial_id: int) -> Evaluation:
        """Train one trial by itself to its next rung."""
        began = time.perf_counter()
        try:
            run = self._running(trial_id)
            assert isinstance(run, TrainingRun | WholeRun)
            return run.advance()
        except Exception as error:
            if is_more_than_a_trials(error, self._device):
                raise
            return replace(self._failed(trial_id, error), seconds=time.perf_counter() - began)

    def _failed(self, trial_id: int, error: Exception) -> Evaluation:
        """Note that a trial failed."""
        slot = self._slots[trial_id]
        step, slot.failed = slot.step, True
        slot.run = slot.checkpoint = None  # what ran out of memory must not keep it
        return Evaluation(trial_id, step, finished=True, failure=failure_of(error))

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

    def _slot(self, trial_id: int) -> Slot:
        return in_slot(trial_id, self._slots)

    def _running(self, trial_id: int) -> Run:
        """The trial's run; it is made when it is first asked for."""
        slot = self._slots[trial_id]
        if slot.run is None:
            run = self._made(trial_id, slot)
            if slot.checkpoint is not None:
                run.restore(slot.checkpoint)
            slot.run, slot.checkpoint = run, None
        return slot.run

    def _made(self, trial_id: int, slot: Slot) -> Run:
        return self._kind(trial_id, slot.configuration, self._prepared, self._device, slot.parts)
