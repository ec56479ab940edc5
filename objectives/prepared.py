"""What trainers need of a study's data, the same for every trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import torch

from ..spaces.configuration import Configuration
from ..spaces.training import TrainingSettings
from .augmentation.bank import TokenBank
from .augmentation.making import Operations
from .corpus.corpus import Corpus
from .data.cleaning import Finding
from .data.targets import Targets, take_targets
from .data.tokens import TokenTable
from .droppable import Droppable
from .models.encoders import EncoderSource
from .models.factory import ModelFactory
from .settings import ObjectiveSettings
from .tasks.batch import TextCodes
from .tasks.task import Task


@dataclass(frozen=True)
class TaskRows:
    """One task's rows, as tensors. `targets` has one row for each of `tokens`."""

    task: Task[Any]
    tokens: TokenTable
    targets: Targets
    buckets: tuple[int, ...]

    def take(self, rows: Sequence[int]) -> "TaskRows":
        """Some rows, in the same buckets."""
        chosen = torch.tensor(rows, dtype=torch.int64)
        return replace(self, tokens=self.tokens.take(chosen), targets=take_targets(self.targets, chosen))

    def of(self, task: Task[Any]) -> "TaskRows":
        """The same rows, of the task as other rows taught it."""
        return replace(self, task=task)


@dataclass(frozen=True)
class PreparedObjective:
    """All that a trainer needs. Immutable: trials share it."""

    settings: ObjectiveSettings
    seed: int
    corpus: Corpus
    findings: Sequence[Finding]
    """What was dropped, repaired and noted on the way from files to tensors."""
    encoder: EncoderSource
    codes: TextCodes
    normalisers: Mapping[str, float]
    train: Mapping[str, TaskRows]
    """Training rows of every task, the main one first."""
    bank: TokenBank
    """The main task's training rows and their augmented variants."""
    validations: Mapping[str, TaskRows]
    """Validation rows of the main task, and of every auxiliary that is measured."""
    test: TaskRows | None
    models: ModelFactory
    operations: Operations = field(default_factory=lambda: Operations({}))
    """The text operations of the bank, and those that were dropped because their needs are missing."""
    folds: Sequence["PreparedObjective"] = ()
    """The folds of a cross-validation, each with its own rows; none: one split, this one."""
    droppable: Droppable = field(default_factory=Droppable)
    """Training rows that some configurations leave out."""
    counted_rows: int | None = None
    """Main-task rows that a trial's length is counted by; None: those there are."""

    @property
    def pad(self) -> int:
        """The padding token's id."""
        return self.codes.pad

    @property
    def validation(self) -> TaskRows:
        """The main task's validation rows."""
        return self.validations[self.settings.main_task]

    @property
    def main(self) -> TaskRows:
        return self.train[self.settings.main_task]

    @property
    def steps_per_epoch(self) -> int:
        """Main-task optimizer steps of one epoch at the study's own batch size, for every trial alike."""
        rows = len(self.main.tokens) if self.counted_rows is None else self.counted_rows
        return -(-rows // self.settings.training.batch_size)

    def cleaned(self, configuration: Configuration) -> "PreparedObjective":
        """What a configuration trains on: without the rows that it leaves out, for as many steps as any other."""
        counts = {name: len(rows.tokens) for name, rows in self.train.items()}
        kept = self.droppable.kept(configuration.cleaning, counts)
        main = self.settings.main_task
        return replace(
            self,
            train={name: rows.take(kept[name]) if name in kept else rows for name, rows in self.train.items()},
            bank=self.bank.take(torch.tensor(kept[main], dtype=torch.int64)) if main in kept else self.bank,
            droppable=Droppable(),
            counted_rows=counts[main] if self.counted_rows is None else self.counted_rows,
        )

    def of_fold(self, place: int) -> "PreparedObjective":
        """The objective of one fold: some training rows of each task, measured on those that it holds out.

        Tasks learn a number's scale from these rows; loss normalisers stay, so that a weight is the same in all folds.
        """
        fold, tasks = self.corpus.folds[place], self.corpus.taught_in(place)
        validations = {
            name: rows.take(fold.held[name]) if name in fold.held else rows for name, rows in self.validations.items()
        }
        return replace(
            self,
            train={name: rows.take(fold.train[name]).of(tasks[name]) for name, rows in self.train.items()},
            bank=self.bank.take(torch.tensor(fold.train[self.settings.main_task], dtype=torch.int64)),
            validations={name: rows.of(tasks[name]) for name, rows in validations.items()},
            droppable=self.droppable.take(fold.train),
        )

    @property
    def augmented(self) -> dict[str, object]:
        """For whoever reports it: each text operation's counts, why others were dropped, and which change labels."""
        return {
            "operations": self.bank.counts(),
            "dropped": dict(self.operations.dropped),
            "label_changing": list(self.operations.label_changing),
        }

    def training_of(self, configuration: Configuration) -> TrainingSettings:
        """The study's training settings with what the configuration changes."""
        changed = {**self.settings.training.model_dump(), **configuration.training}
        return TrainingSettings.model_validate(changed)

    def rungs(self, training: TrainingSettings) -> list[int]:
        """The steps at which a trial is evaluated, rising; the last one is its length. With folds, each fold's end."""
        if self.folds:
            return list(accumulate(fold.rungs(training)[-1] for fold in self.folds))
        count = training.epochs * training.evaluations_per_epoch
        steps = (round(self.steps_per_epoch * rung / training.evaluations_per_epoch) for rung in range(1, count + 1))
        return sorted({max(step, 1) for step in steps})
