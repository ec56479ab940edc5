"""Database connections: SQLite shared by several processes, and servers that restart."""

import sqlite3
import weakref
from functools import partial
from pathlib import Path
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from ...spaces.errors import StorageReplaced
from ..passwords import masked
from . import timeouts
from .failures import refusal
from .reading import connect_to_read

_UNKNOWN = (-1, -1)
"""No file's device and number."""
_SERVER = {
    "connect_timeout": round(timeouts.OPENING_S),
    "tcp_user_timeout": round(timeouts.SILENCE_S * 1000),
    "keepalives_idle": round(timeouts.SILENCE_S / 2),
    "keepalives_interval": round(timeouts.SILENCE_S / 6),
    "keepalives_count": 3,
}
"""libpq's settings, unless the URL has them. Without the last four nobody hears for a quarter of an hour or more, as
long as the kernel likes, that a server's machine is gone."""


def first_engine(address: URL, url: str) -> Engine:
    """Return an engine for a first look at a server; unlike Optuna's it keeps no connection."""
    try:
        return create_engine(address, poolclass=NullPool, **_engine_settings(address))
    except ImportError:
        raise refusal(url, "needs the Python package psycopg: pip install 'psycopg[binary]'") from None


def _engine_settings(address: URL) -> dict[str, Any]:
    if address.drivername == "sqlite":
        return {"connect_args": {"timeout": timeouts.OPENING_S}}
    return {"connect_args": {name: value for name, value in _SERVER.items() if name not in address.query}}


def connected(address: URL, url: str, *, reading: bool = False) -> RDBStorage:
    """Optuna's storage, set up for processes that share it; it makes the tables that are missing, or only reads.

    Raises:
        StorageError: another version of Optuna made the tables.
    """
    is_file = address.drivername == "sqlite"
    text_url = url if is_file else address.render_as_string(hide_password=False)
    settings = _engine_settings(address)
    if not is_file:
        settings["pool_pre_ping"] = True  # a connection dies unseen while a long trial runs (optuna#5600)
    elif reading:
        # One connection a transaction: what may be done to the file is looked at each time, and none is left open.
        connect = partial(connect_to_read, Path(address.database or ""), timeouts.RUNNING_S)
        settings = {"creator": connect, "poolclass": NullPool}
    try:
        # Optuna fills in a template: braces that are really in the URL are doubled.
        storage = RDBStorage(text_url.replace("{", "{{").replace("}", "}}"), settings, skip_table_creation=reading)
    except RuntimeError:  # Optuna's own check of the schema, the only thing there that raises it
        raise refusal(url, "was made by another version of Optuna; see `optuna storage upgrade --help`") from None
    except AssertionError:  # Optuna's, of a version that is not there
        words = "lacks the version of its tables: was it moved or replaced just now, or is it damaged?"
        raise refusal(url, words) from None
    # Optuna closes a session after its commit: to make all that it read expire first is a sixth of reading a study.
    storage.scoped_session.remove()
    storage.scoped_session.configure(expire_on_commit=False)
    if is_file and reading:
        event.listen(storage.engine, "begin", _begin)
    elif is_file:
        _begin_immediately(storage.engine, Path(address.database or "").absolute(), url)
    else:
        _tell_time_in_utc(storage.engine)
    # Whoever forgets a storage, or ends, says goodbye to the server, which else counts its connections.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def _begin(connection: Connection) -> None:
    """All that one transaction reads is of one moment."""
    connection.exec_driver_sql("BEGIN")


def _begin_immediately(engine: Engine, file: Path, url: str) -> None:
    """Take SQLite's write lock when a transaction begins, so that what it read is still true when it writes.

    The recipe of SQLAlchemy's manual ("Serializable isolation / Savepoints / Transactional DDL").

    A connection stays with the file that it opened, where nobody finds what it writes once that has another name, or
    none: then no transaction begins (StorageReplaced).
    """
    opened = _identity(file)

    def check() -> None:
        found = _identity(file)
        if found != opened and _UNKNOWN not in (found, opened):
            raise StorageReplaced(
                f"{masked(url)}: was moved, deleted or replaced while it was in use, and lacks what was stored since; "
                "put the file back, and the same command resumes from what it holds"
            )

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late
        connection.execute(f"PRAGMA busy_timeout = {timeouts.RUNNING_S * 1000:.0f}")
        # Under WAL this loses nothing when a process dies; a power cut may cost the last commits, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")

    def begin(connection: Connection) -> None:
        check()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # the connections that made the schema do not know of this
    event.listen(engine, "do_connect", lambda *_: check())  # before SQLite makes an empty file of that name
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file has this name; None where none has, `_UNKNOWN` where the system does not tell."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return _UNKNOWN
    return found.st_dev, found.st_ino


def _tell_time_in_utc(engine: Engine) -> None:
    """Optuna's heartbeats are times without a zone: those of all hosts must be of one, and of one without summer."""

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401, the driver's
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    engine.dispose()
    event.listen(engine, "connect", prepare)
