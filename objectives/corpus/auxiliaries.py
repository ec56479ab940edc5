"""An auxiliary task's rows: those of the main task, or its own."""

from dataclasses import replace
from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..settings import CleaningSettings
from ..tasks.settings import TaskData
from ..tasks.task import Task
from .files import Files
from .main_task import MainTask
from .notes import Notes
from .sifting import HeldOut
from .task_tables import TaskTables
from .vetting import held_out, measured_rows, reads, trained_rows


def read_auxiliary(
    task: Task[Any], main: MainTask, files: Files, rules: CleaningSettings, *, is_measured: bool
) -> TaskTables:
    """Fit an auxiliary and find its rows; `rules` clean those of its own. DataError: it can train on none."""
    own = task.settings.data
    if own is None:
        return _on_shared_rows(task, main, files.notes, is_measured=is_measured)
    return _on_own_rows(task, own, main, files, rules, is_measured=is_measured)


def _on_shared_rows(task: Task[Any], main: MainTask, notes: Notes, *, is_measured: bool) -> TaskTables:
    fitted = task.fitted(main.table)
    validation = measured_rows(main.measured, fitted, notes) if is_measured else None
    fitted.inputs(main.train)
    rows, found = fitted.vetted(main.train, training=True)
    notes.add(rows, [_for_it_alone(finding) for finding in found])
    if not len(rows):
        raise DataError(f"{main.table.source}: task {task.name!r}: no rows are left that it can train on")
    return TaskTables(fitted, rows, validation)


def _for_it_alone(finding: Finding) -> Finding:
    """The other tasks keep the rows that this one cannot use."""
    dropped = finding.action == "dropped"
    return replace(finding, what=f"{finding.what}, left out for this task only") if dropped else finding


def _on_own_rows(
    task: Task[Any], own: TaskData, main: MainTask, files: Files, rules: CleaningSettings, *, is_measured: bool
) -> TaskTables:
    """Its rows must not repeat held-out rows of the main task: neither as that reads them, nor as it would itself."""
    table = files.training(own.train, [task])
    fitted = task.fitted(table)
    if is_measured and own.validation is None:
        raise DataError(f"tasks: {task.name}: data: its metric is an objective, so it needs `validation: FILE`")
    readable = [rows for rows in (main.validation, main.test) if rows is not None and reads(fitted, rows)]
    forbidden = sum((HeldOut.of(fitted.inputs(rows)) for rows in readable), main.forbidden.unlabelled)
    validation = None
    if own.validation is not None:
        validation = measured_rows(files.held_out(own.validation, [task]), fitted, files.notes)
        forbidden += held_out(fitted, validation)
    held = [*main.held, *([] if validation is None else [validation])]
    rows = main.grouping.apart(table, held, task.name)
    return TaskTables(fitted, trained_rows(rows, fitted, forbidden, rules, files.notes), validation)
