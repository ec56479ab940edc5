"""The main task's rows: the training file's, cleaned, and those that it is measured on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..data.cleaning import Finding
from ..data.table import Table
from ..settings import CleaningSettings, DataSettings
from ..tasks.task import Task
from .files import Files
from .grouping import Grouping
from .sifting import HeldOut, copies_of
from .splitting import split, without_copies
from .task_tables import TaskTables
from .vetting import held_out, measured_rows, trained_rows


@dataclass(frozen=True)
class MainTask:
    """The fitted main task and its rows."""

    task: Task[Any]
    table: Table
    """All rows of the training file: what tasks that share them are fitted to."""
    train: Table
    validation: Table | None
    """None with folds."""
    test: Table | None
    forbidden: HeldOut
    """Validation and test rows, which no task's training rows may repeat."""
    tested: Collection[int]
    """The rows of a validation file that test has too."""
    grouping: Grouping
    held: Sequence[Table]
    """Rows whose groups training may not know: validation and test, or test alone where validation is trained on."""

    @property
    def measured(self) -> Table:
        """The rows that it is measured on: with folds those that it trains on, some in each."""
        return self.train if self.validation is None else self.validation

    @property
    def tables(self) -> TaskTables:
        """Its rows as any task has them."""
        return TaskTables(self.task, self.train, self.measured)


def read_main(
    settings: DataSettings,
    tasks: Sequence[Task[Any]],
    files: Files,
    rules: CleaningSettings,
    seed: int,
    *,
    all_data: bool,
) -> MainTask:
    """Read, clean and split the main task's rows.

    Args:
        settings: the study file's `data:`.
        tasks: the main task first; not fitted yet.
        files: reads them.
        rules: how training rows are cleaned.
        seed: of the split.
        all_data: leave copies of the validation rows in training, which these will join.
    """
    shared = [task for task in tasks if task.settings.data is None]
    table, notes, given = files.training(settings.train, shared), files.notes, settings.validation
    grouping = Grouping(settings.group, settings.clean.drop_leaks, notes)
    grouping.check(table)
    main = tasks[0].fitted(table)

    def measured(text: str) -> Table:
        found = measured_rows(files.held_out(text, shared), main, notes)
        grouping.note_missing(found)
        return found

    validation = measured(given) if isinstance(given, str) else None
    test = measured(settings.test) if settings.test else None
    forbidden = sum((held_out(main, rows) for rows in (validation, test) if rows is not None), HeldOut())
    held = [rows for rows in (None if all_data else validation, test) if rows is not None]
    train = trained_rows(grouping.apart(table, held, main.name), main, forbidden, rules, notes)
    tested: Collection[int] = ()
    if validation is not None and test is not None:
        tested = _also_in_test(validation, test, main, settings.clean, grouping, drops=all_data)
    if isinstance(given, float):
        train, validation = split(train, main, given, seed, grouping)
        held += [] if all_data else [validation]
        forbidden += held_out(main, validation)
        if not all_data:
            train = without_copies(train, validation, main, settings.clean, notes)
    return MainTask(main, table, train, validation, test, forbidden, tested, grouping, held)


def _also_in_test(
    validation: Table, test: Table, main: Task[Any], rules: CleaningSettings, grouping: Grouping, *, drops: bool
) -> Collection[int]:
    """The rows of a validation file that test has too, told of: test would measure what trials are chosen by."""
    inputs = main.inputs(validation)
    copies, keys = copies_of(inputs, main.inputs(test), rules), inputs.keys
    found = {"text nearly the same as one in test data": [*copies]}
    if rules.drop_leaks and (known := grouping.rows_of(grouping.cells(test), validation)):
        found[f"row of a group ({grouping.column!r}) that is in test data too"] = known
    for what, rows in found.items():
        cases = [f"{validation.unit} {validation.lines[row]}: {keys[row]}" for row in rows]
        findings = [Finding.of(what, cases, "dropped" if drops else "noted")] if cases else []
        grouping.notes.add(validation, findings)
    return {row for rows in found.values() for row in rows}
