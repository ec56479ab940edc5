"""Where a study lives: a SQLite file or a PostgreSQL database, opened for Optuna and for several processes.

SQLite as Optuna opens it loses trials when processes share it: a transaction reads, a neighbour writes, and both
claim the same trial. Here every transaction takes the write lock when it begins (BEGIN IMMEDIATE), readers never
block (WAL), and one process makes the schema. The result stays a plain Optuna storage, which `optuna` and
`optuna-dashboard` open as they are.
"""

import os
import re
import shlex
import sqlite3
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from ..spaces.errors import StorageError, StudyHeld
from .passwords import without_passwords

DEFAULT_URL = "sqlite:///autotune.db"
OPENING_TIMEOUT_S = 5.0
"""Someone waits at the terminal: say soon who holds the file."""
RUNNING_TIMEOUT_S = 60.0
"""How long one statement waits for whoever holds a SQLite file: a backup or a dashboard takes half a minute."""
RECONNECT_TIMEOUT_S = 300.0
"""A run waits so long for a server that restarts, with its recovery, or for a file that is still held."""

T = TypeVar("T")
_PAUSE_S = 0.5
_ALLOWED = "allowed are sqlite:///FILE and postgresql://USER:PASSWORD@HOST/DATABASE"
_LAST_TABLE = "alembic_version"
"""Optuna writes this table last: where it is, the whole schema is."""
_FIRST_TABLES = frozenset({"studies", "version_info"})
_SCHEMA_LOCK = 0x6175746F
"""The key of our PostgreSQL advisory lock; any constant that all tuners share ("auto")."""


def storage_url(option: str | None, study_file: str | None) -> str:
    """Return the first that is given: --storage, AUTOTUNE_STORAGE, the study file's `storage`, the default."""
    return option or os.environ.get("AUTOTUNE_STORAGE") or study_file or DEFAULT_URL


def storage_option(url: str) -> str:
    """What a command must be told to find this storage: nothing of the one that it takes by itself."""
    return "" if url == storage_url(None, None) else f" --storage {shlex.quote(masked(url))}"


def masked(url: str) -> str:
    """Return the URL without its passwords, even if it is not a valid one."""
    if not url.startswith("sqlite:///"):
        # What follows any colon but a scheme's own: slashes may be missing or too few. Greedy up to the last @: a
        # password with an unescaped @ or / in it must not show in part.
        scheme = re.match(r"(\w[\w+]*:/+)?", url)
        begin = scheme.end() if scheme else 0
        url = url[:begin] + re.sub(r":.*@", ":***@", url[begin:], count=1, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)


def open_storage(url: str, *, create: bool) -> RDBStorage:
    """Open the database of a study, and make its tables if `create` is set and it has none.

    Raises:
        StorageError: it is no URL of a database that we support, or the database is not there, cannot be reached,
            read or written, is held by another process, or belongs to something else. Nothing was made then.
    """
    address = _parsed(url)
    try:
        with storage_errors(url, OPENING_TIMEOUT_S):
            return _opened(address, url, create=create)
    except OSError as error:
        raise _refusal(url, f"cannot be used: {error.strerror or type(error).__name__}") from None


def server(url: str) -> Engine:
    """A PostgreSQL server, for a connection of one's own that is closed after use."""
    return _engine(_parsed(url), url)


def holds_studies(url: str) -> bool:
    """Whether there is a database with tables for studies; looking makes none.

    Raises:
        StorageError: it cannot be looked into, so nobody can tell.
    """
    address = _parsed(url)
    with storage_errors(url, OPENING_TIMEOUT_S):
        return _LAST_TABLE in _tables(address, url, create=True)


@contextmanager
def storage_errors(url: str, waited_s: float = RUNNING_TIMEOUT_S) -> Generator[None]:
    """Turn what SQLAlchemy, Optuna and SQLite raise about the database into StorageError.

    A context manager and a decorator. The original texts quote statements and URLs, so nothing is chained.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error) as error:
        raise _refusal(url, _reason(error, waited_s)) from None


def _opened(address: URL, url: str, *, create: bool) -> RDBStorage:
    tables = _tables(address, url, create=create)
    if _LAST_TABLE in tables:
        return _connected(address, url)
    if not create:
        raise _refusal(url, "holds no studies; `autotune study create` makes the first")
    with _one_maker(address, url):
        return _connected(address, url)


def _parsed(url: str) -> URL:
    try:
        address = make_url(url)
        backend, driver = address.get_backend_name(), address.drivername
    except (ArgumentError, ValueError):
        raise _refusal(url, f"is not the URL of a database; {_ALLOWED}") from None
    if driver == "sqlite":
        _check_file_url(address, url)
        return address
    if backend not in {"postgres", "postgresql"}:
        raise _refusal(url, f"names the database {backend!r}, which is not supported; {_ALLOWED}")
    if "@" in f"{address.host}{address.database}":
        raise _refusal(url, "has an @ too many: in a name or password write it as %40, and / as %2F")
    return address if "+" in driver else address.set(drivername="postgresql+psycopg")


def _check_file_url(address: URL, url: str) -> None:
    if address.host:
        raise _refusal(url, "needs three slashes before a relative path and four before an absolute one")
    if address.database in {None, "", ":memory:"} or address.query:
        raise _refusal(url, "must name a plain file: a study outlives the process")


def _tables(address: URL, url: str, *, create: bool) -> set[str]:
    """Return the names of the tables that are there; empty for a SQLite file that `create` may make."""
    if address.drivername != "sqlite":
        with _engine(address, url).connect() as connection:
            return set(inspect(connection).get_table_names())
    file = Path(address.database or "")
    if not file.parent.is_dir():
        raise _refusal(url, f"cannot be opened: there is no folder {str(file.parent)!r}")
    if file.is_dir():
        raise _refusal(url, "is a folder, not a file")
    if not file.exists():
        if not create:
            raise _refusal(url, "does not exist; `autotune study create` makes it")
        return set()
    return _file_tables(file, url)


def _file_tables(file: Path, url: str) -> set[str]:
    """Check that a SQLite file can be written now and is Optuna's (or empty), and put it into WAL mode."""
    with closing(sqlite3.connect(file, timeout=OPENING_TIMEOUT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        connection.execute("ROLLBACK")
        tables: set[str] = {name for (name,) in names}
        if tables and not tables & _FIRST_TABLES:
            raise _refusal(url, "is the database of another program, not of a study")
        connection.execute("PRAGMA journal_mode = WAL")
    return tables


def _engine(address: URL, url: str) -> Engine:
    """Return an engine for a first look at a server; unlike Optuna's it keeps no connection."""
    try:
        return create_engine(address, poolclass=NullPool, **_engine_settings(address))
    except ImportError:
        package = address.get_driver_name()
        raise _refusal(url, f"needs the Python package {package}: pip install '{package}[binary]'") from None


def _engine_settings(address: URL) -> dict[str, Any]:
    if address.drivername == "sqlite":
        return {"connect_args": {"timeout": OPENING_TIMEOUT_S}}
    patience = {} if "connect_timeout" in address.query else {"connect_timeout": round(OPENING_TIMEOUT_S)}
    return {"connect_args": patience}


@contextmanager
def _one_maker(address: URL, url: str) -> Generator[None]:
    """Let one process at a time make the schema: eight that start together otherwise kill each other."""
    if address.drivername != "sqlite":
        with _engine(address, url).begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
            yield
        return
    file = Path(address.database or "")
    mine = _touched(file)
    try:
        with FileLock(f"{file}.lock", timeout=RUNNING_TIMEOUT_S):
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
        raise _refusal(url, "another process has been making this database for a minute") from None


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


def _connected(address: URL, url: str) -> RDBStorage:
    text_url = url if address.drivername == "sqlite" else address.render_as_string(hide_password=False)
    settings = _engine_settings(address)
    if address.drivername != "sqlite":
        settings["pool_pre_ping"] = True  # a connection dies unseen while a long trial runs (optuna#5600)
    try:
        # Optuna fills in a template: braces that are really in the URL are doubled.
        storage = RDBStorage(text_url.replace("{", "{{").replace("}", "}}"), settings)
    except RuntimeError:  # Optuna's own check of the schema, the only thing there that raises it
        raise _refusal(url, "was made by another version of Optuna; see `optuna storage upgrade --help`") from None
    # Optuna closes a session after its commit: to make all that it read expire first is a sixth of reading a study.
    storage.scoped_session.remove()
    storage.scoped_session.configure(expire_on_commit=False)
    if address.drivername == "sqlite":
        _begin_immediately(storage.engine)
    else:
        _tell_time_in_utc(storage.engine)
    # Whoever forgets a storage, or ends, says goodbye to the server, which else counts its connections.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def patiently(call: Callable[[], T], timeout_s: float | None = None, say: Callable[[str], None] = lambda _: None) -> T:
    """Do what uses a storage, and do it again while its server is away or another process holds it.

    Args:
        call: may be cut short anywhere, and is then done from its start.
        timeout_s: no new attempt begins after it; by default five minutes.
        say: hears what is waited for, and that the wait is over.

    Raises:
        SQLAlchemyError, StorageInternalError, StudyHeld: another error, or it took too long.
    """
    patience_s = RECONNECT_TIMEOUT_S if timeout_s is None else timeout_s
    begun = time.monotonic()
    is_waiting = False
    while True:
        try:
            found = call()
        except (SQLAlchemyError, StorageInternalError, StudyHeld) as error:
            if not _may_pass(error) or time.monotonic() > begun + patience_s:
                raise
            if not is_waiting:
                words = str(error) if isinstance(error, StudyHeld) else _reason(error, RUNNING_TIMEOUT_S)
                say(f"waiting for the storage, for up to {patience_s:.0f} s: {without_passwords(words)}")
            is_waiting = True
        else:
            if is_waiting:
                say(f"the storage is back after {time.monotonic() - begun:.0f} s")
            return found
        time.sleep(_PAUSE_S)


def _may_pass(error: Exception) -> bool:
    """Whether a connection was lost or refused, or another process holds the study or its SQLite file."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    if not isinstance(cause, OperationalError | InterfaceError):
        return isinstance(error, StudyHeld)
    if isinstance(cause.orig, sqlite3.Error):
        return getattr(cause.orig, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return True


def _begin_immediately(engine: Engine) -> None:
    """Take SQLite's write lock when a transaction begins, so that what it read is still true when it writes.

    The recipe of SQLAlchemy's manual ("Serializable isolation / Savepoints / Transactional DDL").
    """

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late
        connection.execute(f"PRAGMA busy_timeout = {RUNNING_TIMEOUT_S * 1000:.0f}")
        # Under WAL this loses nothing when a process dies; a power cut may cost the last commits, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # the connections that made the schema do not know of this
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


def _tell_time_in_utc(engine: Engine) -> None:
    """Optuna's heartbeats are times without a zone: those of all hosts must be of one, and of one without summer."""

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    engine.dispose()
    event.listen(engine, "connect", prepare)


def _refusal(url: str, reason: str) -> StorageError:
    return StorageError(f"{masked(url)}: {_without_password(reason, url)}")


def _without_password(reason: str, url: str) -> str:
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return reason
    # As a whole word: masked within other words, a short one would be told by what is left of them.
    return re.sub(rf"(?<!\w){re.escape(str(password))}(?!\w)", "***", reason) if password else reason


def _reason(error: Exception, waited_s: float) -> str:
    """Say in one clause what is wrong with the database; SQLite's own texts are the keys."""
    cause: BaseException | None = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    words = str(cause)
    known = {
        "locked": f"another process holds it and did not let go for {waited_s:.0f} seconds",
        "not a database": "is not a SQLite database",
        "malformed": "is damaged",
        "unable to open": "cannot be opened: check the folder and its permissions",
        "readonly": "cannot be written: check the permissions of the file and its folder",
        "disk is full": "cannot be written: the disk is full",
    }
    told = next((reason for key, reason in known.items() if key in words), None)
    return told or f"failed: {words.strip().splitlines()[0] if words.strip() else type(cause).__name__}"
