"""A SQLite file that is only read: nothing in it changes, and it may lie where nobody can write."""

import os
import sqlite3
from pathlib import Path

_WAL = 2
"""What byte 18 of a file says that is in WAL mode (https://www.sqlite.org/fileformat2.html, 1.3.3)."""


def connect_to_read(file: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that changes nothing in the file and leaves nothing beside it; it waits `timeout_s` for a lock."""
    file = file.absolute()
    connection = sqlite3.connect(f"{file.as_uri()}?{_mode(file)}", uri=True, timeout=timeout_s, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection


def may_write(file: Path) -> bool:
    """Whether this process may write the file, and make others beside it."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _mode(file: Path) -> str:
    """How SQLite shall open the file: as a reader of WAL mode, it needs two files beside it.

    Where these can be made, the last connection takes them away again, but only one that could write. Where they cannot
    and are not there, nobody has the file open to write, and it can be read as one that never changes.
    """
    if may_write(file):
        return "mode=rw"
    if Path(f"{file}-wal").exists():
        return "mode=ro"
    with file.open("rb") as stream:
        is_wal = stream.read(19)[18:] == bytes([_WAL])
    return "mode=ro&immutable=1" if is_wal else "mode=ro"
