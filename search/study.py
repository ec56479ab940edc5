"""A study's life: made from a study file, opened again, checked for changes, deleted.

It stays a plain Optuna study; what Optuna has no place for is in its user attributes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from ..objectives.data.loading import fingerprint
from ..objectives.data.sources import resolve_source
from ..objectives.prepare import PreparedObjective, prepare
from ..objectives.tasks.registry import task_type
from ..spaces.configuration import Configuration
from ..spaces.errors import StudyError
from .roles import BASELINE, CONFIGURATION, EQUAL_WEIGHTS, ROLE
from .samplers import grid_points
from .storage import masked, open_storage, storage_errors
from .study_file.reading import changed_keys, parse_study_file, read_study_file
from .study_file.schema import StudyFile

# What Optuna tells its own log (a new study, a finished trial), the observer tells better.
optuna.logging.set_verbosity(optuna.logging.WARNING)

_STARTED, _READY = "autotune", "ready"
"""Set first and last by `create`: a study with only the first was never finished, and may be made anew."""


@dataclass(frozen=True)
class StudyRecord:
    """A study in its storage, with the study file it was made from."""

    study: optuna.Study
    storage: RDBStorage
    url: str
    file: StudyFile
    path: Path
    """Where the study file was when the study was made; data paths are relative to its folder."""

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def fingerprints(self) -> Mapping[str, str]:
        return self.study.user_attrs["fingerprints"]


def create_study(file: StudyFile, path: Path, url: str, prepared: PreparedObjective) -> StudyRecord:
    """Store a study, its baseline and its equal-weights trial at the head of the queue.

    Raises:
        StudyError: there is a study of that name.
        StorageError: the storage cannot be used.
    """
    storage = open_storage(url, create=True)
    with storage_errors(url):
        _forget_unfinished(storage, file.name, url)
        direction = task_type(file.tasks[file.main_task].kind).metrics[file.metric]
        study = optuna.create_study(study_name=file.name, storage=storage, direction=direction)
        attributes = {
            _STARTED: version("autotune-mtl"),
            "objective": file.objective,
            "main_task": file.main_task,
            "auxiliary_tasks": file.auxiliary_tasks,
            "encoder": file.model.encoder,
            "max_steps": max(prepared.rungs(file.training)),
            "cleaning": [finding.to_json() for finding in prepared.corpus.findings],
            "normalisers": dict(prepared.normalisers),
            "fingerprints": dict(prepared.corpus.fingerprints),
            "study_file": file.model_dump_json(exclude={"storage"}),
            "path": str(path.resolve()),
            "total": _enqueue(study, file),
            _READY: True,
        }
        for name, value in attributes.items():
            study.set_user_attr(name, value)
    return StudyRecord(study, storage, url, file, path)


def _enqueue(study: optuna.Study, file: StudyFile) -> int:
    """Queue the trials that are given: baseline, equal weights, the grid. Returns the study's total."""
    space = file.search_space()
    given: list[tuple[str, Configuration]] = [(BASELINE, space.baseline())]
    if file.auxiliary_tasks:
        given.append((EQUAL_WEIGHTS, space.equal_weights()))
    for role, configuration in given[: file.search.trials]:
        attributes = {ROLE: role, CONFIGURATION: configuration.model_dump()}
        study.enqueue_trial(space.nearest(configuration), user_attrs=attributes)
    if file.search.sampler != "grid":
        return file.search.trials
    points = grid_points(space.distributions)[: max(file.search.trials - len(given), 0)]
    for point in points:
        study.enqueue_trial(point)
    return min(file.search.trials, len(given) + len(points))


def _forget_unfinished(storage: RDBStorage, name: str, url: str) -> None:
    """Refuse a name that is taken; clear away what a killed `create` left."""
    taken = {study.study_name: study for study in storage.get_all_studies()}
    if name not in taken:
        return
    if taken[name].user_attrs.get(_STARTED) is None or taken[name].user_attrs.get(_READY):
        raise StudyError(
            f"the study {name!r} exists already in {masked(url)}; run it, delete it (autotune study delete {name}), "
            "or choose another name"
        )
    optuna.delete_study(study_name=name, storage=storage)


def open_study(name: str, url: str) -> StudyRecord:
    """Open a stored study.

    Raises:
        StudyError: there is none of that name, or it was not made by autotune.
    """
    storage = open_storage(url, create=False)
    with storage_errors(url):
        names = [study.study_name for study in storage.get_all_studies()]
        if name not in names:
            there = ", ".join(names) or "none"
            raise StudyError(f"no study {name!r} in {masked(url)}; there: {there}")
        study = optuna.load_study(study_name=name, storage=storage)
        attributes = study.user_attrs
    if not attributes.get(_READY):
        raise StudyError(
            f"the study {name!r} in {masked(url)} was not completed by `autotune study create`; create it again"
        )
    file = parse_study_file(attributes["study_file"], f"the stored study file of {name}")
    return StudyRecord(study, storage, url, file, Path(attributes["path"]))


def list_studies(url: str) -> list[optuna.Study]:
    """All studies of autotune's in a storage, by name."""
    storage = open_storage(url, create=False)
    with storage_errors(url):
        ready = [study.study_name for study in storage.get_all_studies() if study.user_attrs.get(_READY)]
        return [optuna.load_study(study_name=name, storage=storage) for name in sorted(ready)]


def delete_study(name: str, url: str) -> None:
    """Delete a study and its trials.

    Raises:
        StudyError: there is none of that name.
    """
    record = open_study(name, url)
    with storage_errors(url):
        optuna.delete_study(study_name=name, storage=record.storage)


def check_unchanged(record: StudyRecord, path: Path) -> None:
    """Trials of one study must all measure the same thing.

    Args:
        record: the stored study.
        path: the study file as it is now; the stored copy serves where the file is gone.

    Raises:
        StudyError: the study file or a data file changed; the message says what did.
    """
    changes: list[str] = []
    if path.is_file():
        changes += changed_keys(record.file, read_study_file(path).model_copy(update={"storage": None}))
    for text, known in record.fingerprints.items():
        if fingerprint(resolve_source(text, path.parent)) != known:
            changes.append(f"{text}: the data changed")
    if changes:
        raise StudyError(
            f"the study {record.name!r} cannot go on: its trials would no longer measure the same thing.\n  "
            + "\n  ".join(changes)
            + "\nUndo the change, or give the study another name. (run --trials N sets another total)"
        )


def prepare_study(file: StudyFile, base: Path) -> PreparedObjective:
    """Read and tokenise all that a study trains on."""
    return prepare(file, file.space.augmentation, base, file.search.seed)
