"""The plain trainer: each slot is one model of its own, trained from rung to rung in turn."""

import torch

from ...spaces.configuration import Configuration
from ...spaces.errors import Diverged
from ..prepare import PreparedObjective
from .run import TrainingRun
from .trainer import Checkpoint, Evaluation, Failure, FailureKind, Trainer


class PlainTrainer(Trainer):
    """Trains any encoder, one trial after another; the one that is furthest behind goes first."""

    def __init__(self, prepared: PreparedObjective, device: torch.device, capacity: int = 1) -> None:
        if capacity < 1:
            raise ValueError(f"a trainer has at least one slot, not {capacity}")
        # Denormal numbers in fading moments slow a CPU down by an order of magnitude.
        torch.set_flush_denormal(True)
        self._prepared = prepared
        self._device = device
        self._capacity = capacity
        self._runs: dict[int, TrainingRun] = {}
        self._failed: set[int] = set()

    @property
    def capacity(self) -> int:
        return self._capacity

    def admit(self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None) -> None:
        if trial_id in self._runs:
            raise ValueError(f"trial {trial_id} is in a slot already")
        if len(self._runs) >= self._capacity:
            raise ValueError(f"all {self._capacity} slots are taken")
        run = TrainingRun(trial_id, configuration, self._prepared, self._device)
        if checkpoint is not None:
            run.restore(checkpoint)
        self._runs[trial_id] = run

    def advance(self) -> list[Evaluation]:
        waiting = [run for run in self._runs.values() if not run.finished and run.trial_id not in self._failed]
        if not waiting:
            return []
        run = min(waiting, key=lambda run: run.step)
        try:
            return [run.advance()]
        except Diverged as error:
            failure = Failure(FailureKind.DIVERGED, str(error))
        except torch.OutOfMemoryError as error:
            failure = Failure(FailureKind.OUT_OF_MEMORY, str(error))
        except RuntimeError as error:
            # On the CPU torch reports a failed allocation as a plain RuntimeError.
            kind = FailureKind.OUT_OF_MEMORY if "allocate memory" in str(error) else FailureKind.CRASHED
            failure = Failure(kind, str(error))
        self._failed.add(run.trial_id)
        return [Evaluation(run.trial_id, run.step, finished=True, failure=failure)]

    def evict(self, trial_id: int) -> Checkpoint | None:
        if trial_id not in self._runs:
            raise ValueError(f"trial {trial_id} is in no slot")
        run = self._runs.pop(trial_id)
        if trial_id in self._failed:
            self._failed.remove(trial_id)
            return None
        return None if run.finished else run.checkpoint()
