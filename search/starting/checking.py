"""Validation of the chosen tasks: the rows are read as by `study create`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ...objectives.corpus.reading import read_corpus
from ...objectives.settings import DataSettings
from ...objectives.tasks.kinds import TaskSettings
from ...objectives.tasks.registry import make_task
from ...objectives.tasks.task import Task
from ...spaces.errors import DataError
from ..settings import SearchSettings
from .choosing import Plan
from .finding import Chosen

_SEED = SearchSettings().seed
_SETTINGS: TypeAdapter[Any] = TypeAdapter(TaskSettings)


@dataclass(frozen=True)
class Checked:
    """A plan that works, and the rows that it works on."""

    plan: Plan
    data: DataSettings
    refused: Mapping[str, str]
    """Files of held-out rows that are not used, with the reason."""


def task_of(chosen: Chosen) -> Task[Any]:
    """The task itself, not fitted yet."""
    return make_task(chosen.name, _SETTINGS.validate_python(dict(chosen.settings)))


def checked(plan: Plan, data: DataSettings, base: Path) -> Checked:
    """The part of a plan that can be trained on; all of it, unless a column or a file beside is not as it looked.

    Args:
        plan: tasks by what the columns look like.
        data: training rows, and files beside them.
        base: the folder that paths are relative to.

    Raises:
        DataError: the main task cannot be trained on these rows.
    """
    main, *others = plan.tasks
    if _problem(plan.tasks, data, base) is None:
        return Checked(plan, data, {})
    rows = DataSettings(train=data.train, encoding=data.encoding)
    if why := _problem([main], rows, base):
        raise DataError(why)
    refused = dict[str, str]()
    for key in ("validation", "test"):
        held = getattr(data, key)
        if isinstance(held, str):
            with_it = rows.model_copy(update={key: held})
            if why := _problem([main], with_it, base):
                refused[held] = why
            else:
                rows = with_it
    kept, left_out = [main], dict(plan.left_out)
    for task in others:
        if why := _problem([*kept, task], rows, base):
            left_out |= dict.fromkeys(task.answers, why)
        else:
            kept.append(task)
    return Checked(replace(plan, tasks=kept, left_out=left_out), rows, refused)


def _problem(tasks: Sequence[Chosen], data: DataSettings, base: Path) -> str | None:
    try:
        read_corpus(data, [task_of(task) for task in tasks], base, _SEED)
    except DataError as error:
        return str(error)
    return None
