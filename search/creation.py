"""Creating a study: stored under its name, with the given trials at the head of its queue."""

import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import optuna

from ..objectives.prepared import PreparedObjective
from ..spaces.configuration import Configuration
from ..spaces.errors import StudyError
from ..spaces.space import ParameterValue
from .beside import beside
from .locking import only_one
from .passwords import masked
from .preparing import longest_trial
from .pruners import FEWEST_FOR_WILCOXON, pruner_of
from .roles import (
    AUGMENTATION,
    AUXILIARY_TASKS,
    BASELINE,
    BESIDE,
    CLEANING,
    CONFIGURATION,
    ENCODER,
    EQUAL_WEIGHTS,
    FINGERPRINTS,
    IDENTITY,
    LABELS,
    MAIN_TASK,
    MAX_STEPS,
    MODELS_AT,
    NORMALISERS,
    OBJECTIVE,
    PATH,
    READY,
    REVISION,
    ROLE,
    ROWS,
    STARTED,
    STUDY_FILE,
    TOTAL,
)
from .samplers import grid_points
from .storage import open_storage, storage_errors, timeouts
from .study import StudyRecord, is_foreign, named, open_study, stored, without_operations
from .study_file.schema import StudyFile
from .unchanged import rows_of


def check_free(name: str, url: str) -> None:
    """Check, without making anything, that a study of this name could be stored.

    Raises:
        StudyError: there is one already; one that a killed `create` left half made does not count.
        StorageError: the storage cannot be used.
    """
    if (known := stored(name, url, reading=False)) is not None:
        _refuse_taken(known, url)


def create_study(
    file: StudyFile, path: Path, url: str, prepared: PreparedObjective, models: Mapping[str, str] | None = None
) -> StudyRecord:
    """Store a study, its baseline and its equal-weights trial at the head of the queue.

    Args:
        file: the study file, as it was given.
        path: where it lies.
        url: of the storage.
        prepared: what its trials train on.
        models: those of its operations that are of the Hub, at the commits that `prepared` was made with.

    Raises:
        StudyFileError: a grid over this space is too large.
        StudyError: there is a study of that name.
        StorageError: the storage cannot be used.
    """
    searched = without_operations(file, prepared.operations.dropped)
    queue = [
        (searched.search_space().nearest(configuration), {ROLE: role, CONFIGURATION: configuration.model_dump()})
        for role, configuration in given_configurations(searched).items()
    ]
    attributes = {**_attributes(file, searched, path, prepared), MODELS_AT: dict(models or {}), READY: True}
    with storage_errors(url), only_one(file.name, url, timeouts.RUNNING_S):
        storage = open_storage(url, create=True)
        if (known := named(storage, file.name)) is not None:
            _refuse_taken(known, url)
            optuna.delete_study(study_name=file.name, storage=storage)
        study = optuna.create_study(study_name=file.name, storage=storage, directions=file.directions)
        study.set_user_attr(STARTED, version("autotune-mtl"))
        for parameters, marks in queue:  # all, as the total may grow
            study.enqueue_trial(parameters, user_attrs=marks)
        for name, value in attributes.items():
            study.set_user_attr(name, value)
    return open_study(file.name, url)


def _attributes(file: StudyFile, searched: StudyFile, path: Path, prepared: PreparedObjective) -> dict[str, object]:
    """What is stored of a study beside its trials; `searched` is its file without operations that were dropped."""
    return {
        IDENTITY: uuid.uuid4().hex,
        OBJECTIVE: file.objective,
        MAIN_TASK: file.main_task,
        AUXILIARY_TASKS: file.auxiliary_tasks,
        ENCODER: file.model.encoder,
        REVISION: prepared.encoder.commit,
        MAX_STEPS: longest_trial(file, prepared),
        ROWS: rows_of(prepared.corpus),
        CLEANING: [finding.to_json() for finding in prepared.findings],
        AUGMENTATION: prepared.augmented,
        NORMALISERS: dict(prepared.normalisers),
        LABELS: prepared.corpus.labels,
        FINGERPRINTS: dict(prepared.corpus.fingerprints),
        BESIDE: beside(searched, path.parent),
        STUDY_FILE: file.model_dump_json(exclude={"storage"}),
        PATH: str(path.resolve()),
        TOTAL: total_of(searched),
    }


def total_of(file: StudyFile) -> int:
    """How many trials a study has: a grid may have fewer than are allowed.

    Raises:
        StudyFileError: the grid is too large.
    """
    trials = file.search.trials
    return min(trials, len(points(file))) if file.search.sampler == "grid" else trials


def points(file: StudyFile) -> list[dict[str, ParameterValue]]:
    """The parameters of all trials of a grid search, by number: those of the given configurations, then the grid's.

    Raises:
        StudyFileError: the grid is too large.
    """
    space = file.search_space()
    return [*(space.nearest(configuration) for configuration in given_configurations(file).values()), *grid(file)]


def given_configurations(file: StudyFile) -> dict[str, Configuration]:
    """The configurations that others are compared with, by role."""
    space = file.search_space()
    given = {BASELINE: space.baseline()}
    if space.equal_weights() != space.baseline():
        given[EQUAL_WEIGHTS] = space.equal_weights()
    return given


def grid(file: StudyFile) -> list[dict[str, ParameterValue]]:
    """The parameters of a grid's trials, one for each configuration: a task that is off is off at every ratio.

    The given configurations have trials of their own.

    Raises:
        StudyFileError: it is too large.
    """
    space = file.search_space()
    given = {configuration.model_dump_json() for configuration in given_configurations(file).values()}
    found: dict[str, dict[str, ParameterValue]] = {}
    for point in grid_points(space.distributions, file.search.grid.levels):
        found.setdefault(space.configuration(point).model_dump_json(), point)
    return [point for trained, point in found.items() if trained not in given]


def consequences(file: StudyFile) -> Iterator[str]:
    """What follows from the file's search and its objectives, for whoever creates the study.

    Raises:
        StudyFileError: a grid is too large.
    """
    if len(file.objectives) > 1:
        values = "" if file.data.folds else f"; a trial's values are those at its best step by {file.objectives[0]}"
        yield f"{len(file.objectives)} objectives: pruning is off, and the report shows a Pareto front{values}"
    if file.measured_tasks:
        yield f"never switched off, as an objective measures them: {', '.join(file.measured_tasks)}"
    if file.search.pruner == "wilcoxon" and file.data.folds is None:
        yield "wilcoxon is made for folds: without them it compares rungs of one curve, which are correlated"
    if file.data.folds is not None:
        yield f"{file.data.folds} folds: a trial trains once for each, and its value is their mean{_pruned(file)}"
        if "synthesize" in file.space.augmentation.operations:
            yield (
                "synthesize learns from the rows of all folds, held-out ones too, so scores of trials that use it are "
                "too good: prefer a share or a file as data.validation"
            )
    if file.search.sampler == "grid":
        size, given = len(grid(file)), given_configurations(file)
        trained = max(0, min(size, file.search.trials - len(given)))
        part = "" if trained == size else f", of which {trained} are within search.trials ({file.search.trials})"
        yield f"a grid of {size} configurations beside {' and '.join(given)}{part}"


def _pruned(file: StudyFile) -> str:
    pruner = pruner_of(file)
    if pruner == "none":
        return ""
    if pruner == "wilcoxon" and file.data.folds and file.data.folds < FEWEST_FOR_WILCOXON:
        return f"; wilcoxon prunes nothing, as it needs {FEWEST_FOR_WILCOXON} folds to spare one"
    return f"; {pruner} prunes between folds"


def _refuse_taken(study: optuna.Study, url: str) -> None:
    name = study.study_name
    if is_foreign(study):
        raise StudyError(f"{masked(url)} holds a study {name!r} that is not autotune's; choose another name")
    if study.user_attrs.get(READY):
        raise StudyError(
            f"the study {name!r} exists already in {masked(url)}; run it, delete it (autotune study delete {name}), "
            "or choose another name"
        )
