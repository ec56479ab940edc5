"""Checks across keys of a study file: unknown objectives, operations that do not fit the main task."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from ..spaces.errors import StudyFileError
from .augmentation.registry import BATCH_OPERATIONS, TEXT_OPERATIONS
from .settings import COSTS, ObjectiveSettings
from .tasks.registry import make_task
from .tasks.task import Task


def make_tasks(settings: ObjectiveSettings) -> list[Task[Any]]:
    """The study's tasks, the main one first; their labels are not known yet.

    Raises:
        StudyFileError: a task has a name that torch needs, or an objective is nothing that a trial is measured by.
    """
    for name in settings.tasks:
        check_name(name)
    tasks = [make_task(name, task) for name, task in settings.tasks.items()]
    check_objective(settings.objective, tasks)
    return tasks


def check_name(task: str) -> None:
    """Torch keeps heads by name, beside its own attributes. StudyFileError where a task has the name of one."""
    if hasattr(nn.ModuleDict(), task):
        raise StudyFileError(f"tasks: {task}: torch uses this name itself; rename the task")


def check_objective(objective: str | Sequence[str], tasks: Sequence[Task[Any]]) -> None:
    """The first objective is a metric of the main task, and none is a loss that the search itself weights.

    Args:
        objective: one, or several: further ones may be metrics of auxiliary tasks, and inference costs.
        tasks: the study's, the main one first.

    Raises:
        StudyFileError: one is not; the message says what is allowed.
    """
    main = tasks[0]
    first, *others = [objective] if isinstance(objective, str) else objective
    _check_first(first, main, tasks)
    every = [f"{task.name}.{metric}" for task in tasks for metric in task.metrics] + list(COSTS)
    for other in others:
        _refuse_loss(other, every)
        if other not in every:
            raise StudyFileError(f"objective: nothing measures {other!r}. Allowed: {', '.join(every)}")


def _check_first(objective: str, main: Task[Any], tasks: Sequence[Task[Any]]) -> None:
    """By it a trial's best step is chosen, so it must be what the study is about."""
    name, _, metric = objective.partition(".")
    allowed = [f"{main.name}.{known}" for known in main.metrics]
    _refuse_loss(objective, allowed)
    if objective in COSTS:
        raise StudyFileError(
            f"objective: {objective!r} cannot be the first, nor the only one. Allowed: {', '.join(allowed)}"
        )
    if name != main.name:
        known = ", ".join(task.name for task in tasks)
        reason = f"{name!r} is not the main task (the first of: {known})" if metric else "it must read <task>.<metric>"
        raise StudyFileError(f"objective: {objective!r}: {reason}. Allowed: {', '.join(allowed)}")
    if metric not in main.metrics:
        raise StudyFileError(
            f"objective: tasks of kind {main.kind} have no metric {metric!r}. Allowed: {', '.join(allowed)}"
        )


def _refuse_loss(objective: str, allowed: Sequence[str]) -> None:
    name, _, metric = objective.partition(".")
    if "loss" in (metric or name) and metric not in {known.partition(".")[2] for known in allowed}:
        raise StudyFileError(
            f"objective: {objective!r} is refused: a weighted or summed loss is made small by making its weights "
            f"small, so a search over the weights would measure nothing. Allowed: {', '.join(allowed)}"
        )


def check_operations(operations: Sequence[str], main: Task[Any]) -> None:
    """An operation must leave the main task's targets true.

    Raises:
        StudyFileError: some do not; a line for each says why.
    """
    found = {
        name: _cannot_rewrite(name, main) if name in TEXT_OPERATIONS else _cannot_change(name, main)
        for name in operations
    }
    mistakes = [
        f"space: augmentation: operations: {name!r} {reason} a {main.kind} task; remove it"
        for name, reason in found.items()
        if reason
    ]
    if mistakes:
        raise StudyFileError("\n".join(mistakes))


def _cannot_rewrite(name: str, main: Task[Any]) -> str | None:
    operation = TEXT_OPERATIONS[name]
    if not main.rewrites and not (main.has_words and operation.keeps_words):
        return "rewrites texts, which would misalign the targets of"
    if (operation.needs_label or operation.changes_label) and not main.has_label:
        return "applies only to classification of one text per row, not to"
    return None


def _cannot_change(name: str, main: Task[Any]) -> str | None:
    operation = BATCH_OPERATIONS[name]
    return None if operation.fits(main) else operation.refusal
