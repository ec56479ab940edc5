"""A stored study: found, opened, deleted. creation.py creates it, unchanged.py checks it for changes.

It stays a plain Optuna study; what Optuna has no place for is in its user attributes.
"""

import logging
import os
import shlex
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from ..spaces.errors import InputError, StudyError
from .claims import Claims
from .locking import claiming, only_one
from .passwords import masked
from .pinning import with_models, with_revision
from .roles import AUGMENTATION, FINGERPRINTS, MODELS_AT, PATH, READY, REVISION, STARTED, STUDY_FILE
from .storage import holds_studies, open_storage, storage_errors, storage_option, timeouts
from .study_file.reading import parse_study_file
from .study_file.schema import StudyFile

# What Optuna tells its own log (a new study, a finished trial), the observer tells better.
optuna.logging.set_verbosity(optuna.logging.WARNING)
# Of a connection that died its storage tells in SQL, before the tuner waits for the server and says so.
logging.getLogger("optuna.storages._rdb.storage").setLevel(logging.ERROR)


@dataclass(frozen=True)
class StudyRecord:
    """A study in its storage, with the study file it was made from.

    `file` is what is searched: the operations that were dropped when the study was made stay out of it, and none is
    dropped any more; and its encoder and its operations' models, where they are of the Hub, have the commits that they
    had then. `given` is the file as the user wrote it, where that differs.
    """

    study: optuna.Study
    storage: RDBStorage
    url: str
    file: StudyFile
    path: Path
    """Where the study file was when the study was made; data paths are relative to its folder."""
    given: StudyFile | None = None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def folder(self) -> Path:
        """The folder that the study's paths are relative to."""
        return self.path.parent

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Say of what is missing in this context, where the whole folder is gone, how to find it again."""
        try:
            yield
        except InputError as error:
            if self.folder.is_dir():
                raise
            raise StudyError(
                f"{error}\nThe study {self.name!r} was created in {self.folder}, which is gone; if the project moved, "
                f"give its study file instead of the name, such as {self.path.name}"
            ) from error

    @property
    def called(self) -> str:
        """How a command finds it: by its name, or its file where that is elsewhere now; and by its storage."""
        moved = self.path.resolve() != Path(self.study.user_attrs[PATH])
        return (shlex.quote(os.path.relpath(self.path)) if moved else self.name) + storage_option(self.url)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        return self.study.user_attrs[FINGERPRINTS]


def is_ready(name: str, url: str) -> bool:
    """Whether the storage holds a study of this name that can run.

    Raises:
        StorageError: the storage is there, but nobody can tell: it is locked, damaged or cannot be reached.
    """
    known = stored(name, url)
    return known is not None and bool(known.user_attrs.get(READY))


def stored(name: str, url: str, *, reading: bool = True) -> optuna.Study | None:
    """Whatever study has this name, or None; looking makes nothing. StorageError where nobody can tell.

    Without `reading` that includes whether the study could be written.
    """
    if not holds_studies(url, reading=reading):
        return None
    storage = open_storage(url, create=False, reading=reading)
    with storage_errors(url):
        return named(storage, name)


def confirmation_name(name: str) -> str:
    """Of the Optuna study that holds a study's fresh trainings (confirmation/ledger.py). No study file may say it."""
    return f"{name}/confirmation"


def is_confirmation(name: str) -> bool:
    """Whether an Optuna study of this name holds fresh trainings."""
    return "/" in name


def named(storage: RDBStorage, name: str) -> optuna.Study | None:
    """The study of this name in an open storage."""
    known = any(study.study_name == name for study in storage.get_all_studies())
    return optuna.load_study(study_name=name, storage=storage) if known else None


def is_foreign(study: optuna.Study) -> bool:
    """Whether somebody else made it. `create` may be killed before its first mark, which leaves an empty study."""
    return STARTED not in study.user_attrs and bool(study.user_attrs or study.get_trials(deepcopy=False))


def find_study(name: str, url: str, *, reading: bool = False) -> tuple[RDBStorage, optuna.Study]:
    """A study of autotune's, be it ready or half made; with `reading` nothing can be written into it.

    Raises:
        StudyError: there is none of that name, or it was not made by autotune.
    """
    storage = open_storage(url, create=False, reading=reading)
    with storage_errors(url):
        study = named(storage, name)
        if study is None:
            names = [study.study_name for study in storage.get_all_studies()]
            there = ", ".join(name for name in names if not is_confirmation(name)) or "none"
            raise StudyError(f"no study {name!r} in {masked(url)}; there: {there}")
        if is_foreign(study):
            raise StudyError(f"the study {name!r} in {masked(url)} was not made by autotune")
    return storage, study


def open_study(name: str, url: str, *, reading: bool = False) -> StudyRecord:
    """Open a stored study; with `reading` nothing can be written into it.

    Raises:
        StudyError: there is none of that name, or `create` was killed before it was done.
    """
    storage, study = find_study(name, url, reading=reading)
    with storage_errors(url):
        attributes = study.user_attrs
    if not attributes.get(READY):
        raise StudyError(
            f"the study {name!r} in {masked(url)} was not completed by `autotune study create`; create it again"
        )
    file = parse_study_file(attributes[STUDY_FILE], f"the stored study file of {name}", is_stored=True)
    dropped = attributes[AUGMENTATION].get("dropped", {})
    searched = with_revision(without_operations(file, dropped), attributes.get(REVISION))
    searched = with_models(searched, attributes.get(MODELS_AT, {}))
    return StudyRecord(study, storage, url, searched, Path(attributes[PATH]), file)


def without_operations(file: StudyFile, dropped: Collection[str]) -> StudyFile:
    """The file with some operations out of its space; those that stay may not be dropped later, nor come back."""
    if not dropped:
        return file
    augmentation = file.space.augmentation
    kept = [name for name in augmentation.operations if name not in dropped]
    changed = augmentation.model_copy(update={"operations": kept, "on_missing": "error"})
    return file.model_copy(update={"space": file.space.model_copy(update={"augmentation": changed})})


@contextmanager
def while_stored(record: StudyRecord, waited_s: float = timeouts.RUNNING_S) -> Generator[None]:
    """Say in words what others did to the study meanwhile. Optuna raises KeyError from any call once it is deleted.

    Raises:
        StudyError: it was deleted.
        StorageError: the storage cannot be used, or was held for `waited_s`.
    """
    try:
        with storage_errors(record.url, waited_s):
            yield
    except KeyError:
        if not is_gone(record.study, record.url):
            raise
        raise StudyError(f"the study {record.name!r} was deleted by another process") from None


def is_gone(study: optuna.Study, url: str) -> bool:
    """Whether a study that was found in a storage has been deleted since."""
    try:
        with storage_errors(url):
            return not study.user_attrs
    except KeyError:
        return True


def list_studies(url: str) -> list[optuna.Study]:
    """All studies of autotune's in a storage, by name."""
    storage, found = open_storage(url, create=False, reading=True), list[optuna.Study]()
    with storage_errors(url):
        for name in sorted(study.study_name for study in storage.get_all_studies() if study.user_attrs.get(READY)):
            with suppress(KeyError):  # somebody has just deleted it
                found.append(optuna.load_study(study_name=name, storage=storage))
    return found


def delete_study(name: str, url: str) -> None:
    """Delete a study, be it ready or half made, and its trials.

    Raises:
        StudyError: there is none of that name, or a run is already using it.
    """
    find_study(name, url)
    with storage_errors(url), only_one(name, url), claiming(name, url, for_long=True):
        storage, study = find_study(name, url)  # again: whoever held the lock may have deleted it
        fresh = named(storage, confirmation_name(name))
        both = [study] if fresh is None else [fresh, study]
        if any(Claims(each, storage, url).is_at_work() for each in both):
            raise StudyError(f"another `autotune study` command is already using {name!r}")
        for each in both:
            optuna.delete_study(study_name=each.study_name, storage=storage)
