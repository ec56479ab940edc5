"""Training in this process: no workers, no messages."""

from collections.abc import Collection
from contextlib import suppress
from typing import Self

import torch

from ...objectives.training.checkpoints import CheckpointStore
from ...objectives.training.trainer import Evaluation, Trainer
from ...spaces.configuration import Configuration
from ...spaces.errors import DeviceFailed, first_line
from .executor import Executor


class InlineExecutor(Executor):
    """Passes everything on to one trainer.

    Args:
        trainer: what trains.
        store: where it keeps checkpoints, if it does.
        threads: with how many threads it trains on the CPU, from entering to closing; None: as many as torch has.
    """

    def __init__(self, trainer: Trainer, store: CheckpointStore | None = None, threads: int | None = None) -> None:
        self._trainer = trainer
        self._store = store
        self.threads, self._usual_threads = threads, torch.get_num_threads()
        self._trials: set[int] = set()

    @property
    def capacity(self) -> int:
        return self._trainer.capacity

    def admit(self, trial_id: int, configuration: Configuration) -> None:
        self._trainer.admit(trial_id, configuration)
        self._trials.add(trial_id)

    def advance(self, timeout_s: float | None = None) -> list[Evaluation]:
        """Train to the next rung, however long it takes: in one process nobody can stop half way.

        Raises:
            DeviceFailed: the device is of no more use to this process.
        """
        del timeout_s
        try:
            return self._trainer.advance()
        except torch.AcceleratorError as error:
            raise DeviceFailed(
                f"the device failed, and this process cannot use it any more: {first_line(error)}\n"
                "The same command resumes; with --executor process a new worker resumes automatically",
                self._trainer.upcoming(),
            ) from error

    def evict(self, trial_id: int) -> None:
        self._trainer.evict(trial_id)
        self._trials.discard(trial_id)

    def discard(self, trial_id: int) -> None:
        self._trainer.discard(trial_id)
        self._trials.discard(trial_id)

    def abandon(self, trial_id: int) -> None:
        self._trials.discard(trial_id)
        self._trainer.abandon(trial_id)

    def retain(self, trial_ids: Collection[int]) -> None:
        if self._store is not None:
            self._store.retain(trial_ids)

    def close(self) -> None:
        # A signal may have come in the middle of a step, so that nothing could go on from there; or of a retry, where
        # a trial is in no slot.
        for trial_id in list(self._trials):
            with suppress(ValueError):
                self.abandon(trial_id)
        if self.threads is not None:
            torch.set_num_threads(self._usual_threads)

    def __enter__(self) -> Self:
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return super().__enter__()
