"""A study moves to another database: from the SQLite file it began in to the server that several hosts share."""

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ..spaces.errors import StudyError
from .locking import only_one
from .roles import OWNER, READY, STARTED
from .storage import RUNNING_TIMEOUT_S, masked, open_storage, storage_errors
from .study import is_foreign, named, open_study


def copy_study(name: str, url: str, to: str) -> int:
    """Copy a study with its trials, their attributes and intermediate values. Returns the number of trials.

    Trials that run are queued in the copy. The mark that the copy is ready comes last, so that half a copy cannot
    be run, and is replaced by the next one.

    Raises:
        StudyError: there is no such study, or one of its name at the destination.
        StorageError: a storage cannot be used.
    """
    record = open_study(name, url)
    with storage_errors(url):
        attributes = record.study.user_attrs
        trials = record.study.get_trials(deepcopy=False)
        directions = record.study.directions
        samplers = record.storage.get_study_system_attrs(record.storage.get_study_id_from_name(name))
    with storage_errors(to), only_one(name, to, RUNNING_TIMEOUT_S):
        storage = open_storage(to, create=True)
        _make_room(storage, name, to)
        study = optuna.create_study(study_name=name, storage=storage, directions=directions)
        for key, value in samplers.items():  # where a quasi-random sequence stands, for one
            storage.set_study_system_attr(storage.get_study_id_from_name(name), key, value)
        marks = {STARTED: attributes[STARTED], **attributes, READY: True}
        for key in sorted(marks, key=lambda key: (key != STARTED, key == READY)):
            if key == READY:
                _copy_trials(trials, storage, name)
            study.set_user_attr(key, marks[key])
    return len(trials)


def _make_room(storage: RDBStorage, name: str, to: str) -> None:
    known = named(storage, name)
    if known is None:
        return
    if is_foreign(known) or known.user_attrs.get(READY):
        raise StudyError(f"{masked(to)} holds a study {name!r} already; delete it there first")
    optuna.delete_study(study_name=name, storage=storage)


def _copy_trials(trials: list[FrozenTrial], storage: RDBStorage, name: str) -> None:
    study_id = storage.get_study_id_from_name(name)
    for trial in trials:
        storage.create_new_trial(study_id, _queued(trial))


def _queued(trial: FrozenTrial) -> FrozenTrial:
    """The trial as it is; one that runs as its interruption would leave it."""
    if trial.state is not TrialState.RUNNING:
        return trial
    attributes = {key: value for key, value in trial.user_attrs.items() if key != OWNER}
    return FrozenTrial(
        number=trial.number,
        state=TrialState.WAITING,
        value=None,
        datetime_start=None,
        datetime_complete=None,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=attributes,
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
        trial_id=-1,  # the storage gives it one
    )
