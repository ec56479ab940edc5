"""The rows of a study: a value that everything after them reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.table import Table, take
from ..tasks.task import Task
from .folding import Fold


@dataclass(frozen=True)
class Corpus:
    """The rows that trials train and are measured on.

    `train` holds each task's training rows; tasks without rows of their own share the main task's. `validation`
    holds those of the main task and of every auxiliary that is measured; with folds, those that the folds hold
    out, which are the training rows. `fingerprints` holds the hash of each source, by what the user wrote.
    """

    tasks: Sequence[Task[Any]]
    train: Mapping[str, Table]
    validations: Mapping[str, Table]
    test: Table | None
    findings: Sequence[Finding]
    fingerprints: Mapping[str, str]
    folds: Sequence[Fold] = ()
    """The folds of a cross-validation."""

    @property
    def by_name(self) -> dict[str, Task[Any]]:
        """The tasks, by their names."""
        return {task.name: task for task in self.tasks}

    @property
    def validation(self) -> Table:
        """The main task's validation rows."""
        return self.validations[self.tasks[0].name]

    @property
    def labels(self) -> dict[str, list[str]]:
        """The labels of each task that tells some apart, in the order of a model's outputs."""
        return {task.name: list(task.labels) for task in self.tasks if task.labels}

    def taught_in(self, place: int) -> dict[str, Task[Any]]:
        """The tasks with what a fold's own training rows say of them: a number's scale must not know those held out."""
        rows = self.folds[place].train
        return {task.name: _taught(task, take(self.train[task.name], rows[task.name])) for task in self.tasks}


def _taught(task: Task[Any], train: Table) -> Task[Any]:
    """With one number in all rows it keeps the scale of all folds: a fresh seed must not fail by a rare number."""
    try:
        return task.learnt(train)
    except DataError:
        return task
