"""The seeded split of the main task's cleaned rows, where no file holds the validation rows."""

from typing import Any

from ...spaces.errors import DataError
from ..data.splits import another_share, random_split, stratified_split
from ..data.table import Table, take
from ..settings import CleaningSettings
from ..tasks.task import Task
from .notes import Notes
from .sifting import apart, labels_of
from .vetting import held_out


def split(table: Table, task: Task[Any], fraction: float, seed: int, notes: Notes) -> tuple[Table, Table]:
    """Training and validation rows. DataError: there are too few, of a class or in all."""
    strata = task.strata(table)
    try:
        kept, held = (
            random_split(len(table), fraction, seed) if strata is None else stratified_split(strata, fraction, seed)
        )
    except DataError as error:
        raise DataError(f"{table.source}: task {task.name!r}: after cleaning, {error}") from error
    notes.add(table, another_share(fraction, len(held), len(table)))
    return take(table, kept), take(table, held)


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
