"""The way of the rows: file -> table -> vetted -> cleaned -> split -> corpus; the same for every trial."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.table import take
from ..settings import DataSettings, Folds
from ..tasks.task import Task
from .auxiliaries import read_auxiliary
from .corpus import Corpus
from .files import Files
from .folding import Fold, cut
from .joining import joined
from .main_task import MainTask, read_main
from .notes import Notes
from .task_tables import TaskTables
from .teaching import note_unlearnt


def read_corpus(
    settings: DataSettings,
    tasks: Sequence[Task[Any]],
    base: Path,
    seed: int,
    *,
    all_data: bool = False,
    measured: Collection[str] = (),
    keeps_near_duplicates: bool = False,
) -> Corpus:
    """Read every file that the study names.

    Args:
        settings: the study file's `data:`.
        tasks: the main task first; not fitted yet.
        base: the folder that paths are relative to.
        seed: of the split.
        all_data: train on the validation rows too.
        measured: auxiliary tasks that need validation rows.
        keeps_near_duplicates: those among the main task's rows stay, because each trial leaves out its own choice.

    Raises:
        DataError: a file, column, row or label that cannot be used; the message names it.
    """
    clean, notes = settings.clean, Notes()
    rules = clean.model_copy(update={"near_duplicates": None}) if keeps_near_duplicates else clean
    files = Files(clean, tasks, base, settings.encoding, notes)
    main = read_main(settings, tasks, files, rules, seed, all_data=all_data)
    others = [read_auxiliary(task, main, files, clean, is_measured=task.name in measured) for task in tasks[1:]]
    every = [main.tables, *others]
    folds = _folds(settings, main, every, seed) if not all_data else ()
    if all_data:
        every = _with_validation(main, every, notes)
    every = [replace(each, task=each.task.learnt(each.train)) for each in every]
    for each in every:
        note_unlearnt(each.task, each.train, [fold.train[each.task.name] for fold in folds], notes)
    return Corpus(
        tasks=[each.task for each in every],
        train={each.task.name: each.train for each in every},
        validations={each.task.name: each.validation for each in every if each.validation is not None},
        test=main.test,
        findings=notes.findings,
        fingerprints=files.fingerprints,
        folds=folds,
    )


def _folds(settings: DataSettings, main: MainTask, tasks: Sequence[TaskTables], seed: int) -> Sequence[Fold]:
    if not isinstance(settings.validation, Folds):
        return ()
    return cut(settings.validation.folds, tasks, seed, settings.clean, main.grouping)


def _with_validation(main: MainTask, tasks: Sequence[TaskTables], notes: Notes) -> list[TaskTables]:
    """All tasks' rows with the validation rows, but those that test has too."""
    if main.validation is None:
        return list(tasks)
    untested = take(main.validation, [row for row in range(len(main.validation)) if row not in main.tested])
    return [replace(each, train=joined(each.task, each.train, untested, notes)) for each in tasks]
