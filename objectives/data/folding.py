"""Cross-validation: which rows of each task every fold trains on, and which ones it is measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...spaces.errors import DataError
from ..settings import CleaningSettings
from ..tasks.task import Task
from .cleaning import normalised
from .sifting import copies_of
from .table import Table


@dataclass(frozen=True)
class Fold:
    """One fold's rows, by their numbers. A training row that nearly repeats a held-out one is in neither.

    `train` numbers the rows of each task's training table; `held` those of the validation table of the main task, and
    of every measured auxiliary that shares its rows. Each of these is held out by one fold alone.
    """

    train: Mapping[str, Sequence[int]]
    held: Mapping[str, Sequence[int]]


def rows_on(parts: Sequence[Sequence[int]], table: Table, rows: Table) -> list[list[int]]:
    """For each part of `table` the places in `rows` (the same file's) that stand on the part's lines."""
    lines = [{table.lines[row] for row in part} for part in parts]
    return [[row for row, line in enumerate(rows.lines) if line in those] for those in lines]


def labels_of(task: Task[Any], rows: Table) -> Sequence[str] | None:
    """Each row's label, if it has one of a set; None where answers are numbers or texts, seldom the same twice."""
    return None if task.label_sets(rows) is None else task.answers(rows)


def reads(task: Task[Any], rows: Table) -> bool:
    """Whether some rows have what a task reads, though they need not have its labels."""
    try:
        task.inputs(rows)
    except DataError:
        return False
    return True


def rows_outside(
    parts: Sequence[Sequence[int]], table: Table, main: Task[Any], rows: Table, task: Task[Any], rules: CleaningSettings
) -> tuple[list[list[int]], list[str]]:
    """The training rows of a task for the folds that hold out these parts of the main task's rows.

    Args:
        parts: for each fold the rows of `table` that it holds out.
        table: the main task's training rows.
        main: the main task.
        rows: the task's training rows, of the same file or of its own.
        task: any task.
        rules: the study file's `data: clean:`.

    Returns:
        For each fold the rows that it trains on, and over all folds the texts that left because they nearly repeat one
        that is held out.
    """
    own, others = task.inputs(rows), main.inputs(table)
    keys, main_keys = own.keys, others.keys
    both = (labels_of(task, rows), labels_of(main, table)) if task is main else (None, None)
    copies = copies_of(own, others, rules, *both)
    if task.settings.data is not None and reads(task, table):
        again = copies_of(own, task.inputs(table), rules)
        copies = {row: copies.get(row, set[int]()) | again.get(row, set()) for row in {*copies, *again}}
    kept: list[list[int]] = []
    leaks: list[str] = []
    for part, same_lines in zip(parts, rows_on(parts, table, rows), strict=True):
        if task.settings.data is None:
            gone = set(same_lines)
        else:
            texts = {normalised(main_keys[row]) for row in part}
            gone = {row for row, key in enumerate(keys) if normalised(key) in texts}
        near = {row for row, found in copies.items() if row not in gone and not found.isdisjoint(part)}
        kept.append([row for row in range(len(rows)) if row not in gone | near])
        leaks += [keys[row] for row in sorted(near)]
    return kept, leaks
