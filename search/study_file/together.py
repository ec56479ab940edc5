"""Checks across keys of a study file: parts that do not go together."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from ...objectives.checking import name_mistake, objective_mistake, operation_mistakes
from ...objectives.tasks.registry import make_task
from ...objectives.training.checking import training_mistakes
from ..samplers import ONE_OBJECTIVE_ONLY
from ..settings import GridSettings
from .document import Place
from .mistakes import nearest
from .schema import StudyFile


def mistakes_together(study: StudyFile, unknown: Collection[str] = ()) -> Iterator[tuple[Place, str]]:
    """All of them, each with its place.

    Args:
        study: whose keys are right each by itself.
        unknown: its groups that do not say what the user meant: what needs them is left out.
    """
    for check, groups in _READS.items():
        if groups.isdisjoint(unknown):
            yield from check(study)


def _task_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    if study.tasks[study.main_task].data is not None:
        yield ("tasks", study.main_task, "data"), "the main task's rows are those of data.train; leave this out"
    for name in study.tasks:
        if why := name_mistake(name):
            yield ("tasks", name), why
    earlier: dict[str, str] = {}
    for name, task in study.tasks.items():
        rows = task.data.train if task.data else study.data.train
        same = earlier.setdefault(f"{task.model_dump(exclude={'data'})} {rows}", name)
        if same != name:
            yield ("tasks", name), f"the same task as {same!r}; give it another label column, or data of its own"


def _objective_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    tasks = [make_task(name, task) for name, task in study.tasks.items()]
    if why := objective_mistake(study.objective, tasks):
        yield ("objective",), why


def _operation_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    task = make_task(study.main_task, study.tasks[study.main_task])
    for why in operation_mistakes(study.space.augmentation.operations, task).values():
        yield ("space", "augmentation", "operations"), why


def _several_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    """What cannot search several objectives."""
    search = study.search
    if len(study.objectives) > 1 and search.pruner not in {"auto", "none"}:
        text = f"{search.pruner!r}: several objectives give no single order of trials to prune by; write auto or none"
        yield ("search", "pruner"), text
    if len(study.objectives) > 1 and search.sampler in ONE_OBJECTIVE_ONLY:
        yield ("search", "sampler"), f"{search.sampler!r} searches one objective only; try auto or gp"


def _grid_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    search, grid = study.search, study.search.grid
    if search.sampler != "grid" and grid != GridSettings():
        yield ("search", "grid"), f"belongs to `sampler: grid`; the sampler is {search.sampler}"
    every = list(replace(study.search_space(), over=None).distributions)
    for place, name in enumerate(grid.over or []):
        if name not in every:
            text = f"{name!r}: is not a searched parameter{nearest(name, every)} allowed: {', '.join(every)}"
            yield ("search", "grid", "over", place), text


def _training_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    auxiliaries, folds = len(study.auxiliary_tasks), study.data.folds is not None
    return training_mistakes(study.training, study.space.training, auxiliaries, folds=folds)


_READS: Mapping[Callable[[StudyFile], Iterator[tuple[Place, str]]], frozenset[str]] = {
    _task_mistakes: frozenset({"tasks", "data"}),
    _objective_mistakes: frozenset({"objective", "tasks"}),
    _operation_mistakes: frozenset({"space", "tasks"}),
    _several_mistakes: frozenset({"objective", "search"}),
    _grid_mistakes: frozenset({"search", "space", "tasks", "training"}),
    _training_mistakes: frozenset({"data", "space", "tasks", "training"}),
}
"""Each check, and the groups that it reads."""
