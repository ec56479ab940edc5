"""Locks between the processes that share a study, released by the system when their holder dies.

A SQLite file is shared by one machine, so a file in the cache is locked; a PostgreSQL server locks for all hosts.
"""

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import make_url, text

from ..objectives.caching import cache_folder
from ..spaces.errors import AutotuneError, InputError, StudyError, StudyHeld
from .storage import server, timeouts
from .writing import DISK

_PAUSE_S = 0.05


@contextmanager
def only_one(name: str, url: str, timeout_s: float = 0.0) -> Generator[None]:
    """Hold the lock under which a study is made or deleted.

    Raises:
        StudyError: another process makes or deletes the study, and did not end in `timeout_s`.
        InputError: locks cannot be made.
        SQLAlchemyError: the server failed.
    """
    try:
        with _held(f"{database(url)}\0{name}", url, timeout_s):
            yield
    except TimeoutError:
        raise StudyError(f"another `autotune study` command is already using {name!r}") from None


@contextmanager
def claiming(name: str, url: str, *, for_long: bool = False) -> Generator[None]:
    """Hold the lock under which trials change hands: asked, taken back, told. Held for moments only, or `for_long`.

    Who holds it for moments and does nothing for two minutes has vanished: the server lets go of it.

    Raises:
        StudyHeld: it was not free for a minute; `patiently` tries again.
        InputError: locks cannot be made.
        SQLAlchemyError: the server failed.
    """
    try:
        longest = None if for_long else 2 * timeouts.RUNNING_S
        with _held(f"{database(url)}\0{name}\0claims", url, timeouts.RUNNING_S, longest):
            yield
    except TimeoutError:
        raise StudyHeld(f"the trials of {name!r} are held by another process, which does not release them") from None


@contextmanager
def _held(key: str, url: str, timeout_s: float, longest_s: float | None = None) -> Generator[None]:
    digest = hashlib.sha256(key.encode()).digest()
    if make_url(url).get_backend_name() == "sqlite":
        lock = FileLock(_folder() / f"{digest.hex()[:32]}.lock", timeout=timeout_s)
        try:
            lock.acquire()
        except Timeout:
            raise TimeoutError from None
        except OSError as error:  # a lock that another user made
            raise _refusal(Path(lock.lock_file), "locked", error) from None
        try:
            yield
        finally:
            lock.release()
        return
    number = int.from_bytes(digest[:8], signed=True)
    deadline = time.monotonic() + timeout_s
    with server(url).begin() as connection:
        if longest_s is not None:
            connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {1000 * longest_s:.0f}"))
        # Not the waiting kind: a server counts a waiting connection, and a signal could not interrupt it.
        while not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": number}).scalar():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_PAUSE_S)
        yield


def _folder() -> Path:
    folder = cache_folder() / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(folder, "made", error) from None
    return folder


def _refusal(path: Path, done: str, error: OSError) -> AutotuneError:
    kind = AutotuneError if error.errno in DISK else InputError
    return kind(f"{path}: cannot be {done} ({error.strerror}); set AUTOTUNE_CACHE to a folder of your own")


def database(url: str) -> str:
    """The database, the same however its path was written; hosts may write a server's address differently."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return str(Path(parsed.database).resolve())
    return str(parsed.database)
