"""The contract of an executor: a trainer somewhere, that is closed in the end.

The tuner knows nothing else: whether trials train in this process, in a process a device, or on a
cluster, they are admitted, advanced and evicted in the same words (objectives/training/trainer.py).
"""

from abc import abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Self

from ...objectives.training.trainer import Evaluation, Trainer


class Executor(Trainer):
    """A trainer that lives somewhere. A context manager; leaving it frees devices and processes."""

    threads: int | None = None
    """With how many threads each trial trains on a CPU; None on a GPU."""

    @abstractmethod
    def advance(self, timeout_s: float | None = None) -> list[Evaluation]:
        """As a trainer does, but an executor that waits for others may return nothing after `timeout_s`."""

    def drain(self) -> list[Evaluation]:
        """Finish the rungs that are under way and begin no others."""
        return []

    def charge(self, trial_id: int, seconds: float) -> None:
        """Count `seconds` that a trial trained before it came here, where its time limit is this executor's to hold."""
        del trial_id, seconds

    def retain(self, trial_ids: Collection[int]) -> None:
        """Of the checkpoints that this executor left on disk, only those of these trials stay."""
        del trial_ids

    @abstractmethod
    def close(self) -> None:
        """Stop all training and free what it held; trials still in slots are lost to the executor."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
