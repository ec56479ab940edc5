"""The rows of a table that a fitted task can use: to be measured on, or to be trained on."""

from collections.abc import Sequence
from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import EMPTY, Finding, normalised, taken
from ..data.table import Table, take
from ..settings import CleaningSettings
from ..tasks.task import Task
from .notes import Notes
from .sifting import HeldOut, labels_of, sift


def measured_rows(table: Table, task: Task[Any], notes: Notes) -> Table:
    """Rows to measure a task on: vetted, and none is dropped that it can use. DataError: there is none."""
    table, found = task.vetted(table, training=False)
    task.inputs(table)
    if not len(table):
        raise DataError(f"{table.source}: task {task.name!r}: no validation or test rows are left: {taken(found)}")
    notes.add(table, found)
    return table


def trained_rows(table: Table, task: Task[Any], forbidden: HeldOut, rules: CleaningSettings, notes: Notes) -> Table:
    """Rows to train a task on: vetted, then cleaned. DataError: there is none."""
    table, found = task.vetted(table, training=True)
    notes.add(table, found)
    keys, answers = task.inputs(table).keys, task.answers(table)
    kept, dropped = sift(keys, answers, forbidden, rules, has_one_answer=task.has_one_answer)
    notes.add(table, [_placed(finding, keys, table) for finding in dropped])
    if not kept:
        what = taken([*found, *dropped])
        raise DataError(f"{table.source}: task {task.name!r}: no rows are left after cleaning: {what}")
    return take(table, kept)


def _placed(finding: Finding, keys: Sequence[str], table: Table) -> Finding:
    """With the lines of empty texts, which say nothing themselves."""
    if finding.what != EMPTY:
        return finding
    return Finding.of(EMPTY, [table.where(row) for row, key in enumerate(keys) if not normalised(key)])


def held_out(task: Task[Any], rows: Table) -> HeldOut:
    """Rows that a task is measured on, as its training rows must not repeat them."""
    return HeldOut.of(task.inputs(rows), labels_of(task, rows))


def reads(task: Task[Any], rows: Table) -> bool:
    """Whether some rows have what a task reads, though they need not have its labels."""
    try:
        task.inputs(rows)
    except DataError:
        return False
    return True
