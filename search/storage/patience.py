"""Waiting for a database that is unavailable: report, retry, continue."""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)

from ...spaces.errors import StudyHeld
from ..passwords import without_passwords
from . import timeouts
from .failures import reason_of

T = TypeVar("T")
_PAUSE_S = 0.5
_ENDED_TRANSACTIONS = {"25P02", "25P03"}
"""PostgreSQL's codes for one that failed before, and for one that was idle for too long."""


def patiently(call: Callable[[], T], timeout_s: float | None = None, say: Callable[[str], None] = lambda _: None) -> T:
    """Do what uses a storage, and do it again while its server is away or another process holds it.

    Args:
        call: may be cut short anywhere, and is then done from its start.
        timeout_s: no new attempt begins after it; by default five minutes.
        say: hears what is waited for, and that the wait is over.

    Raises:
        SQLAlchemyError, StorageInternalError, StudyHeld: another error, or it took too long.
    """
    patience_s = timeouts.RECONNECT_S if timeout_s is None else timeout_s
    begun = time.monotonic()
    is_waiting = False
    while True:
        try:
            found = call()
        except (SQLAlchemyError, StorageInternalError, StudyHeld) as error:
            if not _may_pass(error) or time.monotonic() > begun + patience_s:
                raise
            if not is_waiting:
                words = str(error) if isinstance(error, StudyHeld) else reason_of(error, timeouts.RUNNING_S)
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
    if isinstance(cause, PendingRollbackError):
        # Optuna asks again in a transaction that the lost connection took along; that loss comes first.
        return not isinstance(cause.__context__, DBAPIError) or _may_pass(cause.__context__)
    if isinstance(cause, InternalError):
        return getattr(cause.orig, "sqlstate", None) in _ENDED_TRANSACTIONS
    if not isinstance(cause, OperationalError | InterfaceError):
        return isinstance(error, StudyHeld)
    if isinstance(cause.orig, sqlite3.Error):
        return getattr(cause.orig, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return True
