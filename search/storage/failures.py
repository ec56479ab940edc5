"""Errors of SQLAlchemy, Optuna and SQLite as messages for users, without passwords."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ...spaces.errors import StorageError, StorageLost, first_line
from ..passwords import masked
from . import timeouts

FULL = "cannot be written: the disk is full"
_DISK = {
    "disk is full": FULL,
    "No space left": FULL,
    "disk I/O error": "the disk cannot be read or written (I/O error)",
}
"""What a disk does, which is no mistake in what the user gave; the texts of SQLite and PostgreSQL are the keys."""


@contextmanager
def storage_errors(url: str, waited_s: float = timeouts.RUNNING_S) -> Generator[None]:
    """Turn what SQLAlchemy, Optuna and SQLite raise about the database into StorageError, of its disk into StorageLost.

    A context manager and a decorator. The original texts quote statements and URLs, so nothing is chained.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error) as error:
        raise refusal(url, reason_of(error, waited_s)) from None


def refusal(url: str, reason: str) -> StorageError | StorageLost:
    """The error that says why this database cannot be used."""
    kind = StorageLost if reason in _DISK.values() else StorageError
    return kind(f"{masked(url)}: {_without_password(reason, url)}")


def _without_password(reason: str, url: str) -> str:
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return reason
    # As a whole word: masked within other words, a short one would be told by what is left of them.
    return re.sub(rf"(?<!\w){re.escape(str(password))}(?!\w)", "***", reason) if password else reason


def reason_of(error: Exception, waited_s: float) -> str:
    """Say in one clause what is wrong with the database; SQLite's own texts are the keys."""
    cause: BaseException | None = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, DBAPIError):
        cause = cause.orig
    words = str(cause)
    known = {
        "locked": f"another process holds it and did not release it for {waited_s:.0f} seconds",
        "not a database": "is not a SQLite database",
        "malformed": "is damaged",
        "unable to open": "cannot be opened: check the folder and its permissions",
        "readonly": "cannot be written: check the permissions of the file and its folder",
        **_DISK,
    }
    told = next((reason for key, reason in known.items() if key in words), None)
    return told or f"failed: {first_line(cause or error)}"
