"""The worker of an executor: a trainer driven by messages, in its own process or on another machine.

A worker knows the study file and finds the prepared data in the cache. It never opens the study's database: rounds
come in, evaluations go out.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch

from ...objectives.prepared import PreparedObjective
from ...objectives.training.checkpoints import CheckpointStore
from ...objectives.training.device import choose_device
from ...objectives.training.durable import DurableTrainer
from ...objectives.training.fastest import fastest_trainer
from ...objectives.training.trainer import Evaluation, Trainer
from ...spaces.configuration import Configuration
from ..preparing import prepare_study
from ..study_file.schema import StudyFile

Note = Callable[[str], None]
_LEARNING = 4
"""At most one in so many of the trials that are left is in training at once, or a search has nothing to learn from."""


@dataclass(frozen=True)
class Recipe:
    """All that a worker is made from."""

    file: StudyFile
    base: Path
    """Data paths in the study file are relative to it."""
    store: CheckpointStore
    slots: int
    cores: int = 1
    """Of a CPU, for trials that train in one process."""

    def make(self, note: Note) -> Trainer:
        """A worker's trainer, on the first device that its process sees.

        Raises:
            InputError: the data changed meanwhile, or is gone.
        """
        return self.durable(self.trainer(prepare_study(self.file, self.base), _device()), note)

    def at_once(self, left: int) -> int:
        """How many of the trials that are left to a place may be in training there at once."""
        return left // _LEARNING

    def trainer(self, prepared: PreparedObjective, device: torch.device) -> Trainer:
        """What trains; `prepared` is the study's data by its own seed."""
        return fastest_trainer(prepared, device, self.slots, self.cores)

    def durable(self, trainer: Trainer, note: Note) -> Trainer:
        """The trainer with checkpoints in the store."""
        return DurableTrainer(trainer, self.store, note, self.file.search.checkpoints.cost)


class Leaving(StrEnum):
    """What becomes of the state of a trial that leaves its slot."""

    DISCARD = "discard"
    ABANDON = "abandon"
    """What the store has of it stays."""
    EVICT = "evict"
    """Its checkpoint is in the store."""


@dataclass(frozen=True)
class Round:
    """What a worker does next: some trials leave, others come, then one advance."""

    leaving: Sequence[tuple[int, Leaving]]
    coming: Mapping[int, Configuration]
    """By trial; each goes on from its checkpoint in the store."""
    train: bool


@dataclass(frozen=True)
class Ready:
    """The worker has its data and its device."""


@dataclass(frozen=True)
class Preparing:
    """It makes ready for trials that came, which no time limit of theirs counts: a fresh seed's data may take long."""


@dataclass(frozen=True)
class Begun:
    """Which trials the worker trains from now on."""

    trial_ids: Sequence[int]


@dataclass(frozen=True)
class Told:
    """A round is over."""

    evaluations: Sequence[Evaluation]


@dataclass(frozen=True)
class Noted:
    """Something that the user should read."""

    text: str


@dataclass(frozen=True)
class Broken:
    """The worker cannot go on. `error` is the user's mistake, if it is one; else `trace` ends the traceback."""

    trace: str
    error: Exception | None = None


Message = Ready | Preparing | Begun | Told | Noted | Broken


def leave(trainer: Trainer, given: Round) -> None:
    """Begin a round: some trials leave."""
    for trial_id, leaving in given.leaving:
        match leaving:
            case Leaving.DISCARD:
                trainer.discard(trial_id)
            case Leaving.ABANDON:
                trainer.abandon(trial_id)
            case Leaving.EVICT:
                trainer.evict(trial_id)


def come(trainer: Trainer, given: Round) -> Begun | Told:
    """Others come. The round is over where nothing is to train; else the trainer must advance."""
    for trial_id, configuration in given.coming.items():
        trainer.admit(trial_id, configuration)
    return Begun(trainer.upcoming()) if given.train else Told(())


def one_thread() -> None:
    """Compute on one core: a process a core is faster than all cores a process."""
    torch.set_num_threads(1)


def _device() -> torch.device:
    """The first that this process sees. One that was given a GPU must not train on the CPU without a word."""
    if (given := os.environ.get("CUDA_VISIBLE_DEVICES")) and not torch.cuda.is_available():
        raise RuntimeError(f"CUDA does not see the GPU of this worker (CUDA_VISIBLE_DEVICES={given})")
    return choose_device("auto")
