"""Validation rows that join the training rows, where production trains on all data."""

from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.table import Table, append, take
from ..tasks.task import Task
from .notes import Notes


def joined(task: Task[Any], rows: Table, validation: Table, notes: Notes) -> Table:
    """A task's training rows and those of the main task's validation rows that it can train on, if it shares them."""
    if task.settings.data is not None:
        return rows
    refused = _refusals(task, validation)
    if refused:
        what = f"row that task {task.name!r} cannot train on"
        notes.add(validation, [Finding.of(what, list(refused.values()))])
    usable = [row for row in range(len(validation)) if row not in refused]
    if not usable:
        return rows
    more, found = task.vetted(take(validation, usable), training=True)
    notes.add(validation, [finding for finding in found if finding.action == "dropped"])
    return append(rows, more)


def _refusals(task: Task[Any], table: Table) -> dict[int, str]:
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
