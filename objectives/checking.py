"""Checks across keys of a study file: unknown objectives, operations that do not fit the main task."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from ..spaces.errors import StudyFileError
from .augmentation.registry import BATCH_OPERATIONS, TEXT_OPERATIONS
from .data.sources import suggestion
from .settings import COSTS, ObjectiveSettings
from .tasks.registry import make_task
from .tasks.task import Task


def make_tasks(settings: ObjectiveSettings) -> list[Task[Any]]:
    """The study's tasks, the main one first; their labels are not known yet.

    Raises:
        StudyFileError: a task has a name that torch needs, or an objective is nothing that a trial is measured by.
    """
    for name in settings.tasks:
        if why := name_mistake(name):
            raise StudyFileError(f"tasks: {name}: {why}")
    tasks = [make_task(name, task) for name, task in settings.tasks.items()]
    if why := objective_mistake(settings.objective, tasks):
        raise StudyFileError(f"objective: {why}")
    return tasks


def name_mistake(task: str) -> str | None:
    """Why no task may have this name: torch keeps heads by name, beside its own attributes. None where it may."""
    return "torch uses this name itself; rename the task" if hasattr(nn.ModuleDict(), task) else None


def objective_mistake(objective: str | Sequence[str], tasks: Sequence[Task[Any]]) -> str | None:
    """What is wrong with an objective, and what is allowed; None where nothing is.

    The first must be a metric of the main task, and none may be a loss that the search itself weights.

    Args:
        objective: one, or several: further ones may be metrics of auxiliary tasks, and inference costs.
        tasks: the study's, the main one first.
    """
    main = tasks[0]
    first, *others = [objective] if isinstance(objective, str) else objective
    if why := _first_mistake(first, main, tasks):
        return f"{why}{'' if why.endswith('?') else '.'} Allowed: {', '.join(_metrics([main]))}"
    every = [*_metrics(tasks), *COSTS]
    other = next((other for other in others if other not in every), None)
    if other is None:
        return None
    return f"{_loss_mistake(other, every) or f'nothing measures {other!r}'}. Allowed: {', '.join(every)}"


def _metrics(tasks: Sequence[Task[Any]]) -> list[str]:
    return [f"{task.name}.{metric}" for task in tasks for metric in task.metrics]


def _first_mistake(objective: str, main: Task[Any], tasks: Sequence[Task[Any]]) -> str | None:
    """By it a trial's best step is chosen, so it must be what the study is about."""
    name, _, metric = objective.partition(".")
    if why := _loss_mistake(objective, _metrics([main])):
        return why
    if objective in COSTS:
        return f"{objective!r} cannot be the first, nor the only one"
    if name != main.name:
        known = ", ".join(task.name for task in tasks)
        reason = f"{name!r} is not the main task (the first of: {known})" if metric else "it must read <task>.<metric>"
        return f"{objective!r}: {reason}"
    if metric in main.metrics:
        return None
    return f"tasks of kind {main.kind} have no metric {metric!r}{suggestion(metric, main.metrics)}"


def _loss_mistake(objective: str, allowed: Sequence[str]) -> str | None:
    name, _, metric = objective.partition(".")
    if "loss" in (metric or name) and metric not in {known.partition(".")[2] for known in allowed}:
        return (
            f"{objective!r} is refused: a weighted or summed loss is made small by making its weights small, so a "
            "search over the weights would measure nothing"
        )
    return None


def operation_mistakes(operations: Sequence[str], main: Task[Any]) -> dict[str, str]:
    """Why an operation cannot leave the main task's targets true, by its name; nothing of those that do."""
    found = {
        name: _cannot_rewrite(name, main) if name in TEXT_OPERATIONS else _cannot_change(name, main)
        for name in operations
    }
    return {name: f"{name!r} {why} a {main.kind} task; remove it" for name, why in found.items() if why}


def check_operations(operations: Sequence[str], main: Task[Any]) -> None:
    """Operations must leave the main task's targets true.

    Raises:
        StudyFileError: some do not; a line for each says why.
    """
    if mistakes := operation_mistakes(operations, main):
        raise StudyFileError("\n".join(f"space: augmentation: operations: {why}" for why in mistakes.values()))


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
