"""One process at a time works on a study."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import make_url

from ..objectives.caching import cache_folder
from ..spaces.errors import InputError, StudyError


@contextmanager
def only_one(name: str, url: str) -> Generator[None]:
    """Hold the lock of a study in the storage at `url`. The operating system lets go of it when the process dies.

    Raises:
        StudyError: another process on this machine makes, runs or deletes the study.
        InputError: locks cannot be made.
    """
    key = hashlib.sha256(f"{_place(url)}\0{name}".encode()).hexdigest()[:32]
    lock = FileLock(_folder() / f"{key}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StudyError(f"another `autotune study` command is at work on {name!r}") from None
    try:
        yield
    finally:
        lock.release()


def _folder() -> Path:
    folder = cache_folder() / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); set AUTOTUNE_CACHE to a folder") from None
    return folder


def _place(url: str) -> str:
    """The database, the same however its path was written."""
    database = make_url(url)
    if database.get_backend_name() == "sqlite" and database.database:
        return str(Path(database.database).resolve())
    return database.render_as_string(hide_password=True)
