"""All rows of a study: read, checked, cleaned and split; the same for every trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...spaces.errors import DataError
from ..settings import DataSettings
from ..tasks.task import Task
from .cleaning import Finding, clean
from .loading import Table, load_table
from .sources import resolve_source
from .splits import stratified_split


@dataclass(frozen=True)
class Corpus:
    """The rows that trials train and are measured on.

    `train` holds each task's training rows; tasks without rows of their own share the main task's.
    `fingerprints` holds the hash of each source, by what the user wrote.
    """

    tasks: Sequence[Task[Any]]
    train: Mapping[str, Table]
    validation: Table
    test: Table | None
    findings: Sequence[Finding]
    fingerprints: Mapping[str, str]


def read_corpus(
    settings: DataSettings, tasks: Sequence[Task[Any]], base: Path, seed: int, *, all_data: bool = False
) -> Corpus:
    """Read every file that the study names. With `all_data` the validation rows are trained on too.

    Raises:
        DataError: a file, column, row or label that cannot be used; the message names it.
    """
    main, *auxiliaries = tasks
    read = _Reader(base)
    table = read(settings.train, main)
    main = main.fitted(table)
    given = read(settings.validation, main) if isinstance(settings.validation, str) else None
    test = read(settings.test, main) if settings.test else None
    for held_out in (given, test):
        if held_out is not None:
            main.targets(held_out)
    forbidden = [text for held in (given, test) if held for text in held.column(main.settings.text)]
    train, findings = _cleaned(table, main, settings, forbidden)
    validation = given
    if validation is None:
        assert isinstance(settings.validation, float)
        train, validation = _split(train, main, settings.validation, seed)
        forbidden += validation.column(main.settings.text)
    fitted, rows = [main], {main.name: append(train, validation) if all_data else train}
    for task in auxiliaries:
        if task.settings.data is None:
            _check_columns(table, task)
            fitted.append(task.fitted(table))
            rows[task.name] = _with_validation(train, validation, fitted[-1]) if all_data else train
            continue
        own = read(task.settings.data.train, task)
        fitted.append(task.fitted(own))
        rows[task.name], found = _cleaned(own, task, settings, forbidden)
        findings += found
    return Corpus(fitted, rows, validation, test, findings, read.fingerprints)


def _with_validation(train: Table, validation: Table, task: Task[Any]) -> Table:
    """An auxiliary's rows with the validation rows, where a validation file has what it needs."""
    if any(name not in validation.columns for name in task.columns):
        return train
    task.targets(validation)
    return append(train, validation)


def _split(table: Table, main: Task[Any], fraction: float, seed: int) -> tuple[Table, Table]:
    labels = table.column(main.label_column) if main.label_column else [""] * len(table)
    try:
        kept, held = stratified_split(labels, fraction, seed)
    except DataError as error:
        raise DataError(f"{table.source}: task {main.name!r}: after cleaning, {error}") from error
    return take(table, kept), take(table, held)


class _Reader:
    """Loads sources, each once, and remembers their fingerprints."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._tables: dict[str, Table] = {}

    def __call__(self, text: str, task: Task[Any]) -> Table:
        if text not in self._tables:
            self._tables[text] = load_table(resolve_source(text, self._base))
        _check_columns(self._tables[text], task)
        return self._tables[text]

    @property
    def fingerprints(self) -> dict[str, str]:
        return {text: table.fingerprint for text, table in self._tables.items()}


def _check_columns(table: Table, task: Task[Any]) -> None:
    for name in task.columns:
        table.column(name)


def _cleaned(
    table: Table, task: Task[Any], settings: DataSettings, forbidden: Sequence[str]
) -> tuple[Table, list[Finding]]:
    labels = table.column(task.label_column) if task.label_column else None
    rules = settings.clean
    kept, findings = clean(
        table.column(task.settings.text),
        labels,
        forbidden,
        deduplicate=rules.deduplicate,
        drop_conflicting_labels=rules.drop_conflicting_labels,
        drop_leaks=rules.drop_leaks,
    )
    if not kept:
        raise DataError(f"{table.source}: task {task.name!r}: no rows are left after cleaning")
    return take(table, kept), [replace(found, what=f"{table.source}: {found.what}") for found in findings]


def take(table: Table, rows: Sequence[int]) -> Table:
    """Some rows of a table."""
    columns = {name: [values[row] for row in rows] for name, values in table.columns.items()}
    return replace(table, columns=columns, lines=[table.lines[row] for row in rows])


def append(table: Table, more: Table) -> Table:
    """The rows of both; columns that only one of them has are gone."""
    columns = {name: [*values, *more.columns[name]] for name, values in table.columns.items() if name in more.columns}
    return replace(table, columns=columns, lines=[*table.lines, *more.lines])
