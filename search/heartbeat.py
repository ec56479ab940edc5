"""The heartbeat of running trials: a tuner renews its own, and those of dead tuners expire.

It is stored in Optuna's own table, with the database's clock.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import datetime

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import DateTime, Integer, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from ..spaces.errors import StorageReplaced

_BEATS = text(
    "SELECT trials.number, heartbeat, CURRENT_TIMESTAMP AS now FROM trials "
    "JOIN trial_heartbeats ON trial_heartbeats.trial_id = trials.trial_id "
    "JOIN studies ON studies.study_id = trials.study_id "
    "WHERE studies.study_name = :name AND trials.state = 'RUNNING'"
).bindparams(bindparam("name")).columns(number=Integer, heartbeat=DateTime, now=DateTime)  # fmt: skip


class Heartbeat:
    """That of one tuner's trials, and what it hears of others'. A storage in memory, which nobody shares, has none.

    Args:
        storage: where it is kept.
        study: the study's name.
        interval_s: between two beats.
        grace_s: a beat older than this means that the trial's tuner is dead.
    """

    def __init__(self, storage: BaseStorage, study: str, interval_s: float, grace_s: float) -> None:
        self._storage = storage
        self._study = study
        self._interval_s = interval_s
        self._grace_s = grace_s
        self._beaten: float | None = None
        """When this tuner sent its last heartbeat, while it does."""
        self._trusted_from = 0.0
        """From when on the hearts of others are listened to."""

    def beat(self, trial_ids: Iterable[int]) -> None:
        """Say that these trials are alive."""
        if isinstance(self._storage, RDBStorage):
            for trial_id in trial_ids:
                self._storage.record_heartbeat(trial_id)

    @contextmanager
    def beating(self, mine: Callable[[], Iterable[int]]) -> Generator[None]:
        """Keep this tuner's trials, by their ids, alive from a thread: a step may hold the tuner for minutes."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(self._interval_s):
                try:
                    self.beat(mine())
                    self._note_beat()
                except (SQLAlchemyError, StorageInternalError, StorageReplaced, KeyError):
                    continue  # the tuner's own thread meets the same database, or finds the study deleted, and tells
            if isinstance(self._storage, RDBStorage):
                self._storage.remove_session()

        if not isinstance(self._storage, RDBStorage):
            yield
            return
        self._beaten = time.monotonic()
        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=self._interval_s)
            self._beaten = None

    def ages(self) -> dict[int, float]:
        """Seconds since the last beat of each running trial, by number."""
        if not isinstance(self._storage, RDBStorage):
            return {}
        with self._storage.engine.connect() as connection:
            rows: list[tuple[int, datetime, datetime]] = [
                (number, beat, now.replace(tzinfo=None))
                for number, beat, now in connection.execute(_BEATS, {"name": self._study})
            ]
        return {number: (now - beat).total_seconds() for number, beat, now in rows}

    def is_over(self, age_s: float) -> bool:
        """Whether a tuner without a heartbeat for so long is dead.

        After a server was away, each tuner has its grace to beat again.
        """
        now = time.monotonic()
        return age_s > self._grace_s and now >= self._trusted_from and not self._is_silent(now)

    def distrust(self) -> None:
        """Give all tuners their grace to beat again: they could not."""
        self._trusted_from = time.monotonic() + self._grace_s

    def _note_beat(self) -> None:
        now = time.monotonic()
        if self._is_silent(now):
            self.distrust()
        self._beaten = now

    def _is_silent(self, now: float) -> bool:
        """Whether this tuner itself has not got a beat through for so long that others may be near their end."""
        return self._beaten is not None and now - self._beaten > self._grace_s / 2
