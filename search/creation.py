"""A study is made: stored under its name, with the trials that are given at the head of its queue."""

from importlib.metadata import version
from pathlib import Path

import optuna

from ..objectives.prepare import PreparedObjective
from ..objectives.tasks.registry import task_type
from ..spaces.errors import StudyError
from ..spaces.space import ParameterValue
from .locking import only_one
from .roles import BASELINE, CONFIGURATION, EQUAL_WEIGHTS, READY, ROLE, STARTED
from .samplers import grid_points
from .storage import masked, open_storage, storage_errors
from .study import StudyRecord, is_foreign, named, open_study, stored
from .study_file.schema import StudyFile


def check_free(name: str, url: str) -> None:
    """Check, without making anything, that a study of this name could be stored.

    Raises:
        StudyError: there is one already; one that a killed `create` left half made does not count.
        StorageError: the storage cannot be used.
    """
    if (known := stored(name, url)) is not None:
        _refuse_taken(known, url)


def create_study(file: StudyFile, path: Path, url: str, prepared: PreparedObjective) -> StudyRecord:
    """Store a study, its baseline and its equal-weights trial at the head of the queue.

    Raises:
        StudyFileError: a grid over this space is too large.
        StudyError: there is a study of that name.
        StorageError: the storage cannot be used.
    """
    queue = _queue(file)
    direction = task_type(file.tasks[file.main_task].kind).metrics[file.metric]
    attributes: dict[str, object] = {
        "objective": file.objective,
        "main_task": file.main_task,
        "auxiliary_tasks": file.auxiliary_tasks,
        "encoder": file.model.encoder,
        "max_steps": max(prepared.rungs(file.training)),
        "cleaning": [finding.to_json() for finding in prepared.findings],
        "normalisers": dict(prepared.normalisers),
        "fingerprints": dict(prepared.corpus.fingerprints),
        "study_file": file.model_dump_json(exclude={"storage"}),
        "path": str(path.resolve()),
        "total": min(file.search.trials, len(queue)) if file.search.sampler == "grid" else file.search.trials,
        READY: True,
    }
    with storage_errors(url), only_one(file.name, url):
        storage = open_storage(url, create=True)
        if (known := named(storage, file.name)) is not None:
            _refuse_taken(known, url)
            optuna.delete_study(study_name=file.name, storage=storage)
        study = optuna.create_study(study_name=file.name, storage=storage, direction=direction)
        study.set_user_attr(STARTED, version("autotune-mtl"))
        for parameters, marks in queue[: file.search.trials]:
            study.enqueue_trial(parameters, user_attrs=marks)
        for name, value in attributes.items():
            study.set_user_attr(name, value)
    return open_study(file.name, url)


def _queue(file: StudyFile) -> list[tuple[dict[str, ParameterValue], dict[str, object]]]:
    """The parameters and attributes of the trials that are given: baseline, equal weights, the grid."""
    space = file.search_space()
    given = {BASELINE: space.baseline()}
    if file.auxiliary_tasks:
        given[EQUAL_WEIGHTS] = space.equal_weights()
    queue: list[tuple[dict[str, ParameterValue], dict[str, object]]] = [
        (space.nearest(configuration), {ROLE: role, CONFIGURATION: configuration.model_dump()})
        for role, configuration in given.items()
    ]
    if file.search.sampler == "grid":
        queue += [(point, {}) for point in grid_points(space.distributions)]
    return queue


def _refuse_taken(study: optuna.Study, url: str) -> None:
    name = study.study_name
    if is_foreign(study):
        raise StudyError(f"{masked(url)} holds a study {name!r} that is not autotune's; choose another name")
    if study.user_attrs.get(READY):
        raise StudyError(
            f"the study {name!r} exists already in {masked(url)}; run it, delete it (autotune study delete {name}), "
            "or choose another name"
        )
