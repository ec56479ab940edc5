"""Cross-validation: which rows of each task every fold trains on, and which ones it is measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...spaces.errors import DataError
from ..data.cleaning import Finding, normalised
from ..data.grouped_splits import grouped_folds
from ..data.splits import folds
from ..data.table import Table
from ..settings import CleaningSettings
from .grouping import Grouping
from .sifting import copies_of, labels_of
from .task_tables import TaskTables
from .vetting import reads


@dataclass(frozen=True)
class Fold:
    """One fold's rows, by their numbers. A training row that nearly repeats a held-out one is in neither.

    `train` numbers the rows of each task's training table; `held` those of the validation table of the main task, and
    of every measured auxiliary that shares its rows. Each of these is held out by one fold alone.
    """

    train: Mapping[str, Sequence[int]]
    held: Mapping[str, Sequence[int]]


def cut(count: int, tasks: Sequence[TaskTables], seed: int, rules: CleaningSettings, grouping: Grouping) -> list[Fold]:
    """Cut the main task's training rows into folds, and all tasks' rows with them.

    Args:
        count: how many folds.
        tasks: the main task first.
        seed: of the folds.
        rules: the study file's `data: clean:`.
        grouping: which rows belong together; its notes hear what leaves training because a fold holds out a copy.

    Raises:
        DataError: too few rows, or a fold in which a task has none to train on or to be measured on.
    """
    main = tasks[0]
    strata = main.task.strata(main.train)
    try:
        groups = grouping.numbers(main.train)
        if groups is None:
            splits = folds(len(main.train), strata, count, seed)
        else:
            splits = grouped_folds(groups, strata, count, seed)
    except DataError as error:
        raise DataError(f"{_where(main)}: {error}") from error
    parts = [held for _, held in splits]
    train = {each.task.name: _trained(parts, main, each, rules, grouping) for each in tasks}
    measured = [(each, each.validation) for each in tasks if each.shares and each.validation is not None]
    held = {each.task.name: _measured(parts, main, each, rows) for each, rows in measured}
    return [
        Fold({name: its[fold] for name, its in train.items()}, {name: its[fold] for name, its in held.items()})
        for fold in range(count)
    ]


def _trained(
    parts: Sequence[Sequence[int]], main: TaskTables, its: TaskTables, rules: CleaningSettings, grouping: Grouping
) -> list[list[int]]:
    """For each fold the rows that a task trains on."""
    kept, leaks = _rows_outside(parts, main, its, rules, grouping)
    if leaks and (its is main or not its.shares):
        what = "text nearly the same as one that its fold holds out, over all folds"
        grouping.notes.add(its.train, [Finding.of(what, leaks)])
    if not all(kept):
        raise DataError(f"{_where(its)}: a fold holds out all rows that it could train on")
    return kept


def _measured(parts: Sequence[Sequence[int]], main: TaskTables, its: TaskTables, rows: Table) -> list[list[int]]:
    """For each fold the places in `rows`, which a task is measured on."""
    found = _rows_on(parts, main.train, rows)
    if not all(found):
        where = f"{main.train.source}: task {its.task.name!r}: data.validation"
        raise DataError(f"{where}: fold {found.index([]) + 1} holds out no row that it can be measured on")
    return found


def _where(its: TaskTables) -> str:
    return f"{its.train.source}: task {its.task.name!r}: data.validation"


def _rows_on(parts: Sequence[Sequence[int]], table: Table, rows: Table) -> list[list[int]]:
    """For each part of `table` the places in `rows` (the same file's) that stand on the part's lines."""
    lines = [{table.lines[row] for row in part} for part in parts]
    return [[row for row, line in enumerate(rows.lines) if line in those] for those in lines]


def _rows_outside(
    parts: Sequence[Sequence[int]], main: TaskTables, its: TaskTables, rules: CleaningSettings, grouping: Grouping
) -> tuple[list[list[int]], list[str]]:
    """A task's training rows for the folds that hold out these parts of the main task's rows.

    Returns:
        For each fold the rows that it trains on, and over all folds the texts that left because they nearly repeat one
        that is held out.
    """
    keys, main_keys = its.task.inputs(its.train).keys, main.task.inputs(main.train).keys
    copies, cells = _copies(main, its, rules), grouping.cells(main.train)
    kept: list[list[int]] = []
    leaks: list[str] = []
    for part, same_lines in zip(parts, _rows_on(parts, main.train, its.train), strict=True):
        if its.shares:
            gone = set(same_lines)
        else:
            texts = {normalised(main_keys[row]) for row in part}
            gone = {row for row, key in enumerate(keys) if normalised(key) in texts}
            if cells and grouping.drops:
                gone |= set(grouping.rows_of((cells[row] for row in part), its.train))
        near = {row for row, found in copies.items() if row not in gone and not found.isdisjoint(part)}
        kept.append([row for row in range(len(its.train)) if row not in gone | near])
        leaks += [keys[row] for row in sorted(near)]
    return kept, leaks


def _copies(main: TaskTables, its: TaskTables, rules: CleaningSettings) -> Mapping[int, set[int]]:
    """A task's training rows that repeat the main task's, as that reads these and as it would itself."""
    own, others = its.task.inputs(its.train), main.task.inputs(main.train)
    both = (labels_of(its.task, its.train), labels_of(main.task, main.train)) if its is main else (None, None)
    copies = copies_of(own, others, rules, *both)
    if its.shares or not reads(its.task, main.train):
        return copies
    again = copies_of(own, its.task.inputs(main.train), rules)
    return {row: copies.get(row, set[int]()) | again.get(row, set()) for row in {*copies, *again}}
