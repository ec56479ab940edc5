"""Labels that a task's head has and no training row teaches."""

from collections.abc import Sequence
from typing import Any

from ..data.cleaning import Finding
from ..data.table import Table
from ..tasks.task import Task
from .notes import Notes


def note_unlearnt(task: Task[Any], rows: Table, folds: Sequence[Sequence[int]], notes: Notes) -> None:
    """Tell of the labels that the head has and no training row, or none of some fold's, teaches.

    No error: a confirmation splits again on each fresh seed, and must not fail by a rare class after the search.
    """
    lost = _unlearnt(task, rows, folds or [range(len(rows))])
    if lost:
        whose = "some fold has no training row of" if folds else "no training row has"
        what = f"label of task {task.name!r} that {whose} after cleaning and splitting; it needs more, dissimilar rows"
        notes.add(rows, [Finding.of(what, lost, "noted")])


def _unlearnt(task: Task[Any], rows: Table, parts: Sequence[Sequence[int]]) -> list[str]:
    """The labels of a task that one part of its training rows (the rows' numbers), or several, lack."""
    labels = task.label_sets(rows)
    if labels is None:
        return []
    taught = [{label for row in part for label in labels[row]} for part in parts]
    return [label for label in task.labels if not all(label in known for known in taught)]
