"""Copying a study to another database: from a SQLite file to a server that several hosts share, or back."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..spaces.errors import StudyError
from .locking import only_one
from .passwords import masked
from .roles import OWNER, READY, STARTED
from .storage import open_storage, storage_errors, timeouts
from .study import confirmation_name, is_foreign, named, open_study


def copy_study(name: str, url: str, to: str) -> int:
    """Copy a study with its trials, their attributes and intermediate values. Returns the number of trials.

    Its fresh trainings go along. Trials that run are queued in the copy. The mark that the copy is ready comes last, so
    that half a copy cannot be run, and is replaced by the next one.

    Raises:
        StudyError: there is no such study, or one of its name at the destination.
        StorageError: a storage cannot be used.
    """
    record = open_study(name, url, reading=True)
    with storage_errors(url):
        original = _read(record.study, record.storage)
        fresh = named(record.storage, confirmation_name(name))
        others = [] if fresh is None else [_read(fresh, record.storage)]
    with storage_errors(to), only_one(name, to, timeouts.RUNNING_S):
        storage = open_storage(to, create=True)
        _make_room(storage, name, to)
        attributes = {STARTED: original.attributes[STARTED], **original.attributes}
        attributes.pop(READY)
        study = _make(replace(original, attributes=attributes), storage)
        for each in others:
            _make(each, storage)
        study.set_user_attr(READY, True)
    return len(original.trials)


@dataclass(frozen=True)
class _Content:
    """All that a storage holds of one Optuna study."""

    name: str
    directions: list[StudyDirection]
    attributes: dict[str, Any]
    system: dict[str, Any]
    trials: list[FrozenTrial]


def _read(study: optuna.Study, storage: RDBStorage) -> _Content:
    study_id = storage.get_study_id_from_name(study.study_name)
    system = storage.get_study_system_attrs(study_id)  # where a quasi-random sequence stands, for one
    return _Content(study.study_name, study.directions, study.user_attrs, system, study.get_trials(deepcopy=False))


def _make(content: _Content, storage: RDBStorage) -> optuna.Study:
    """A new study with this content, its attributes in their order."""
    study = optuna.create_study(study_name=content.name, storage=storage, directions=content.directions)
    for key, value in content.system.items():
        storage.set_study_system_attr(storage.get_study_id_from_name(content.name), key, value)
    for key, value in content.attributes.items():
        study.set_user_attr(key, value)
    for trial in content.trials:
        storage.create_new_trial(storage.get_study_id_from_name(content.name), _queued(trial))
    return study


def _make_room(storage: RDBStorage, name: str, to: str) -> None:
    known = named(storage, name)
    if known is not None and (is_foreign(known) or known.user_attrs.get(READY)):
        raise StudyError(f"{masked(to)} holds a study {name!r} already; delete it there first")
    for half in (name, confirmation_name(name)):
        if named(storage, half) is not None:
            optuna.delete_study(study_name=half, storage=storage)


def _queued(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it is; one that runs as its interruption would leave it."""
    if trial.state is not TrialState.RUNNING:
        return trial
    queued = copy(trial)
    queued.state = TrialState.WAITING
    queued.datetime_start = None
    queued.user_attrs = {key: value for key, value in trial.user_attrs.items() if key != OWNER}
    return queued
