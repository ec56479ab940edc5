"""The seeded split of the main task's cleaned rows, where no file holds the validation rows."""

from collections.abc import Sequence
from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.grouped_splits import grouped_split
from ..data.splits import another_share, random_split, stratified_split
from ..data.table import Table, take
from ..settings import CleaningSettings
from ..tasks.task import Task
from .grouping import Grouping
from .notes import Notes
from .sifting import apart, labels_of
from .vetting import held_out


def split(table: Table, task: Task[Any], fraction: float, seed: int, grouping: Grouping) -> tuple[Table, Table]:
    """Training and validation rows. DataError: there are too few, of a class, of groups or in all."""
    strata = task.strata(table)
    try:
        groups = grouping.numbers(table)
        if groups is not None:
            kept, held = grouped_split(groups, strata, fraction, seed)
        elif strata is not None:
            kept, held = stratified_split(strata, fraction, seed)
        else:
            kept, held = random_split(len(table), fraction, seed)
    except DataError as error:
        raise DataError(f"{table.source}: task {task.name!r}: after cleaning, {error}") from error
    why = "each class needs a row on both sides" if groups is None else "the rows of a group stay together"
    grouping.notes.add(table, another_share(fraction, len(held), len(table), why))
    if groups is not None and strata is not None and task.labels:  # numbers have strata, too, but no classes
        grouping.notes.add(table, _unmeasured(strata, held))
    return take(table, kept), take(table, held)


def _unmeasured(classes: Sequence[str], held: Sequence[int]) -> list[Finding]:
    lost = sorted({*classes} - {classes[row] for row in held})
    what = "class without a held-out row, as the rows of a group stay together"
    return [Finding.of(what, lost, "noted")] if lost else []


def without_copies(train: Table, validation: Table, task: Task[Any], rules: CleaningSettings, notes: Notes) -> Table:
    """Training rows that are no copies of those drawn for validation. DataError: none is left."""
    drawn = held_out(task, validation)
    kept, dropped = apart(task.inputs(train).keys, labels_of(task, train), drawn, rules)
    notes.add(train, dropped)
    if not kept:
        raise DataError(
            f"{train.source}: task {task.name!r}: every row nearly repeats one drawn for validation; "
            "set data.clean.near_leaks to null, or give data.validation a file"
        )
    return take(train, kept)
