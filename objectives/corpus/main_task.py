"""The main task's rows: the training file's, cleaned, and those that it is measured on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..data.cleaning import Finding
from ..data.table import Table
from ..settings import CleaningSettings, DataSettings
from ..tasks.task import Task
from .files import Files
from .notes import Notes
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
    table = files.training(settings.train, shared)
    main, notes, given = tasks[0].fitted(table), files.notes, settings.validation

    def measured(text: str) -> Table:
        return measured_rows(files.held_out(text, shared), main, notes)

    validation = measured(given) if isinstance(given, str) else None
    test = measured(settings.test) if settings.test else None
    forbidden = sum((held_out(main, rows) for rows in (validation, test) if rows is not None), HeldOut())
    train = trained_rows(table, main, forbidden, rules, notes)
    tested: Collection[int] = ()
    if validation is not None and test is not None:
        tested = _also_in_test(validation, test, main, settings.clean, notes, drops=all_data)
    if isinstance(given, float):
        train, validation = split(train, main, given, seed, notes)
        forbidden += held_out(main, validation)
        if not all_data:
            train = without_copies(train, validation, main, settings.clean, notes)
    return MainTask(main, table, train, validation, test, forbidden, tested)


def _also_in_test(
    validation: Table, test: Table, main: Task[Any], rules: CleaningSettings, notes: Notes, *, drops: bool
) -> Collection[int]:
    """The rows of a validation file that test has too, told of: test would measure what trials are chosen by."""
    inputs = main.inputs(validation)
    copies, keys = copies_of(inputs, main.inputs(test), rules), inputs.keys
    if copies:
        cases = [f"{validation.unit} {validation.lines[row]}: {keys[row]}" for row in copies]
        what, action = "text nearly the same as one in test data", "dropped" if drops else "noted"
        notes.add(validation, [Finding.of(what, cases, action)])
    return copies
