"""Which rows a fitted task refuses, and which labels have no training row left."""

from collections.abc import Sequence
from typing import Any

from ...spaces.errors import DataError
from ..tasks.task import Task
from .table import Table, take


def refusals(task: Task[Any], table: Table) -> dict[int, str]:
    """The rows that a task cannot train on, each with the reason."""
    found: dict[int, str] = {}
    for row in range(len(table)):
        alone = take(table, [row])
        try:
            task.inputs(alone)
            task.vetted(alone, training=True)
        except DataError as error:
            found[row] = str(error)
    return found


def unlearnt(task: Task[Any], rows: Table, parts: Sequence[Sequence[int]]) -> list[str]:
    """The labels of a task that one part of its training rows (the rows' numbers), or several, lack."""
    labels = task.label_sets(rows)
    if labels is None:
        return []
    taught = [{label for row in part for label in labels[row]} for part in parts]
    return [label for label in task.labels if not all(label in known for known in taught)]
