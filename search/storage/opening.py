"""Opening a study's database, or creating it with its tables, and refusing other files.

SQLite as Optuna opens it loses trials when processes share it: a transaction reads, another process writes, and both
claim the same trial. Here every transaction, including reads, takes the write lock when it begins (BEGIN IMMEDIATE);
other programs can read concurrently (WAL); and one process creates the schema. The result stays a plain Optuna
storage, which `optuna` and `optuna-dashboard` open unchanged. A command that only reads opens it read-only, takes no
write lock and leaves even the file's journal mode as it is (reading.py).
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from sqlalchemy import URL, Engine, inspect, text

from ..writing import DISK
from . import timeouts
from .address import parsed
from .connecting import connected, first_engine
from .failures import FULL, refusal, storage_errors
from .reading import connect_to_read

_LAST_TABLE = "alembic_version"
"""Optuna writes this table last: where it is, the whole schema is."""
_FIRST_TABLES = frozenset({"studies", "version_info"})
_SCHEMA_LOCK = 0x6175746F
"""The key of our PostgreSQL advisory lock; any constant that all tuners share ("auto")."""


def open_storage(url: str, *, create: bool, reading: bool = False) -> RDBStorage:
    """Open the database of a study, and make its tables if `create` is set and it has none.

    With `reading` nothing is written: a SQLite file may be one that cannot be, or that another process writes.

    Raises:
        StorageError: it is no URL of a database that we support, or the database is not there, cannot be reached,
            read or written, is held by another process, or belongs to something else. Nothing was made then.
        StorageLost: its disk is full, or fails.
    """
    address = parsed(url)
    with _usable(url):
        return _opened(address, url, create=create, reading=reading)


@contextmanager
def _usable(url: str) -> Generator[None]:
    try:
        with storage_errors(url, timeouts.OPENING_S):
            yield
    except OSError as error:
        is_full = error.errno in DISK
        raise refusal(url, FULL if is_full else f"cannot be used: {error.strerror or type(error).__name__}") from None


def server(url: str) -> Engine:
    """A PostgreSQL server, for a connection of one's own that is closed after use."""
    return first_engine(parsed(url), url)


def holds_studies(url: str, *, reading: bool = True) -> bool:
    """Whether there is a database with tables for studies; looking makes none. Without `reading` it must be writable.

    Raises:
        StorageError: it cannot be looked into, so nobody can tell.
    """
    address = parsed(url)
    with _usable(url):
        return _LAST_TABLE in _tables(address, url, create=True, reading=reading)


def _opened(address: URL, url: str, *, create: bool, reading: bool) -> RDBStorage:
    tables = _tables(address, url, create=create, reading=reading)
    if _LAST_TABLE in tables:
        return connected(address, url, reading=reading)
    if not create:
        raise refusal(url, "holds no studies; `autotune study create` creates the first")
    with _one_maker(address, url):
        return connected(address, url)


def _tables(address: URL, url: str, *, create: bool, reading: bool) -> set[str]:
    """Return the names of the tables that are there; empty for a SQLite file that `create` may make."""
    if address.drivername != "sqlite":
        with first_engine(address, url).connect() as connection:
            names = set(inspect(connection).get_table_names())
        # Other tables may stand beside a study's, but there is one version of a schema in a database.
        if _LAST_TABLE in names:
            _check_ours(names, url)
        return names
    file = Path(address.database or "")
    if not file.parent.is_dir():
        raise refusal(url, f"cannot be opened: there is no folder {str(file.parent)!r}")
    if file.is_dir():
        raise refusal(url, "is a folder, not a file")
    if not file.exists():
        if not create:
            raise refusal(url, "does not exist; `autotune study create` creates it")
        return set()
    if reading:
        with closing(connect_to_read(file, timeouts.OPENING_S)) as connection:
            return _names(connection, url)
    return _file_tables(file, url)


def _file_tables(file: Path, url: str) -> set[str]:
    """Check that a SQLite file can be written now and is Optuna's (or empty), and put it into WAL mode."""
    with closing(sqlite3.connect(file, timeout=timeouts.OPENING_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        tables = _names(connection, url)
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA journal_mode = WAL")
    return tables


def _names(connection: sqlite3.Connection, url: str) -> set[str]:
    """The tables of a SQLite file; none of them if it is empty, and Optuna's among them if not."""
    names: set[str] = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names:
        _check_ours(names, url)
    return names


def _check_ours(names: set[str], url: str) -> None:
    if not names & _FIRST_TABLES:
        raise refusal(url, "is the database of another program, not of a study")


@contextmanager
def _one_maker(address: URL, url: str) -> Generator[None]:
    """Let one process at a time make the schema: eight that start together otherwise kill each other."""
    if address.drivername != "sqlite":
        with first_engine(address, url).begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
            yield
        return
    file = Path(address.database or "")
    touched = _touched(file)
    try:
        with FileLock(f"{file}.lock", timeout=timeouts.RUNNING_S):
            mine = touched and file.stat().st_size == 0  # or another process was first, and it holds studies
            try:
                _file_tables(file, url)
                yield
            except BaseException:
                if mine:
                    _remove(file)
                raise
            finally:
                # Safe while the lock is held: whoever comes later sees the schema and takes no lock.
                Path(f"{file}.lock").unlink(missing_ok=True)
    except Timeout:
        raise refusal(url, "another process has been creating this database for a minute") from None


def _touched(file: Path) -> bool:
    """Make an empty file, and say whether it was this process that made it."""
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
