"""The contract of an executor: where trials train.

The tuner depends on nothing else: whether trials train in this process, in one process per device, or on a
cluster, they are admitted, advanced and evicted by the same calls. There a trainer trains them
(objectives/training/trainer.py), and what it tells is passed on. A trial's state is not: the trial goes on, here or
elsewhere, from its checkpoint in the study's store.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Self

from ...objectives.training.trainer import Evaluation
from ...spaces.configuration import Configuration


class Executor(ABC):
    """Has up to `capacity` trials trained, each in a slot. A context manager; leaving it frees devices and processes.

    Unknown trials, one more than there are slots, and a trial admitted twice raise ValueError: these are mistakes of
    the caller, not of the user.
    """

    threads: int | None = None
    """With how many threads each trial trains on a CPU; None on a GPU."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many trials fit at once (slots)."""

    @abstractmethod
    def admit(self, trial_id: int, configuration: Configuration) -> None:
        """Put a trial into a free slot. One with a checkpoint goes on there, and first repeats what it told before."""

    def charge(self, trial_id: int, seconds: float) -> None:
        """Count `seconds` that a trial trained before it came here, where its time limit is this executor's to hold."""
        del trial_id, seconds

    @abstractmethod
    def advance(self, timeout_s: float | None = None) -> list[Evaluation]:
        """Train until some trial is at its next rung or its end; the empty list if none is left to train.

        An executor that waits for others may return nothing after `timeout_s`.
        """

    def drain(self) -> list[Evaluation]:
        """Finish the rungs that are under way and begin no others."""
        return []

    @abstractmethod
    def evict(self, trial_id: int) -> None:
        """Take a trial out of its slot with its checkpoint in the store, to go on later or to be exported."""

    @abstractmethod
    def discard(self, trial_id: int) -> None:
        """Take a trial out of its slot for good: pruned, finished, failed. Its checkpoint goes, too."""

    @abstractmethod
    def abandon(self, trial_id: int) -> None:
        """Take a trial out of its slot as it is, be it in the middle of a step; the checkpoint that it has stays."""

    @abstractmethod
    def retain(self, trial_ids: Collection[int]) -> None:
        """Of the checkpoints on this machine's disk, only those of these trials stay."""

    @abstractmethod
    def close(self) -> None:
        """Stop all training and free what it held; trials still in slots are lost to the executor."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
