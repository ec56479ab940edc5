"""Which tuner owns which trial: claimed under one lock, kept by a heartbeat, requeued when the tuner dies.

A trial stores its owner from the moment it runs. An owner on this machine is dead if its process is gone, one
elsewhere if its trial's heartbeat (search/heartbeat.py) is older than the grace period. A running trial without an
owner was left by a process that died while claiming, as claiming holds the lock.
"""

import json
import os
import uuid
from collections.abc import Container, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import bindparam, text

from ..objectives.training.failure import Failure, FailureKind
from .heartbeat import Heartbeat
from .locking import claiming
from .owners import started_at, this_host
from .roles import DEATHS, FAILURE, OWNER, REACHED

INTERVAL_S = 10.0
GRACE_S = 60.0
"""Six beats: a server that restarts within it costs nobody a trial."""

_STANDING = text(
    "SELECT trials.state, owners.value_json FROM trials LEFT JOIN trial_user_attributes AS owners "
    "ON owners.trial_id = trials.trial_id AND owners.key = :key "
    "WHERE trials.trial_id = :id"
).bindparams(bindparam("key", OWNER))  # fmt: skip


@dataclass
class Claims:
    """The trials of one study as one tuner sees them.

    Args:
        url: of the storage; None for one in memory, which no other process shares.
        retries: how often in a row a trial is restarted whose tuner died without a new rung.
        interval_s: between two heartbeats.
        grace_s: a heartbeat older than this means that its tuner is dead.
    """

    study: optuna.Study
    storage: BaseStorage
    url: str | None = None
    retries: int = 2
    interval_s: float = INTERVAL_S
    grace_s: float = GRACE_S
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self._study_id = self.storage.get_study_id_from_name(self.study.study_name)
        self._ids: dict[int, int] = {}
        pid = os.getpid()
        self._owner = {"host": this_host(), "pid": pid, "started": started_at(pid), "token": self.token}
        self.heartbeat = Heartbeat(self.storage, self.study.study_name, self.interval_s, self.grace_s)

    @contextmanager
    def lock(self) -> Generator[None]:
        """No other process claims, requeues or finishes trials meanwhile."""
        if self.url is None:
            yield
            return
        with claiming(self.study.study_name, self.url):
            yield

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The study's trials in these states, by default in any; not copied."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    def is_mine(self, number: int) -> bool:
        """Whether the trial still runs under this tuner; one that was presumed dead may have lost it."""
        state, token = self._standing(number)
        return state is TrialState.RUNNING and token == self.token

    def is_owned(self, trial: FrozenTrial) -> bool:
        """As `is_mine`, of a trial that was just read."""
        return trial.state is TrialState.RUNNING and self._token(trial) == self.token

    def is_told(self, number: int) -> bool:
        """Whether this tuner finished the trial, although the server died before it answered."""
        state, token = self._standing(number)
        return state.is_finished() and token == self.token

    def mark_owner(self, trial: optuna.Trial) -> None:
        """Mark a trial as this tuner's; the lock is held."""
        # First, as an owner without a heartbeat would seem alive elsewhere for ever.
        self.heartbeat.beat([self._id(trial.number)])
        trial.set_user_attr(OWNER, {**self._owner, "claim": uuid.uuid4().hex})

    def beating(self) -> AbstractContextManager[None]:
        """Send heartbeats for this tuner's trials."""
        return self.heartbeat.beating(lambda: [self._id(trial.number) for trial in self._running(self.token)])

    def release(self) -> None:
        """Requeue all trials of this tuner, including those that it had not recorded. The lock is held."""
        for trial in self._running(self.token, None):
            self._requeue(self._id(trial.number))

    def _requeue(self, trial_id: int) -> None:
        """Let a trial wait. First without its owner: whoever asks for it next may die before it says who it is."""
        self.storage.set_trial_user_attr(trial_id, OWNER, None)
        self.storage.set_trial_state_values(trial_id, TrialState.WAITING)

    def _running(self, *tokens: str | None) -> list[FrozenTrial]:
        """The running trials whose owner has one of these tokens."""
        return [trial for trial in self.trials(TrialState.RUNNING) if self._token(trial) in tokens]

    def reap(self, known: Container[int]) -> list[FrozenTrial]:
        """Requeue the trials of dead tuners, or, after too many deaths, fail them. The lock is held.

        So are this tuner's own that it does not know: a server died between the claim and its answer.

        Returns:
            All trials as they stand after that, as each reading of them costs milliseconds.
        """
        trials = self.trials()
        running = [trial for trial in trials if trial.state is TrialState.RUNNING]
        if all(trial.number in known for trial in running):
            return trials
        ages = self.heartbeat.ages()
        for trial in running:
            failure = self._death(trial, ages.get(trial.number))
            if failure is not None:
                self.record_death(trial, failure)
            elif self._token(trial) == self.token and trial.number not in known:
                self._requeue(self._id(trial.number))
        return self.trials()

    def is_at_work(self) -> bool:
        """Whether some trial runs under a living tuner."""
        running = self.trials(TrialState.RUNNING)
        ages = self.heartbeat.ages() if running else {}
        return any(self._death(trial, ages.get(trial.number)) is None for trial in running)

    def _death(self, trial: FrozenTrial, age_s: float | None) -> Failure | None:
        """Why the trial's owner is dead, or None."""
        owner: dict[str, Any] | None = trial.user_attrs.get(OWNER)
        if owner is None:
            return Failure(FailureKind.CRASHED, "its tuner died while it claimed the trial")
        if owner["token"] == self.token:
            return None
        host = owner["host"].partition(" ")[0]
        if owner["host"] == self._owner["host"]:
            if (begun := started_at(owner["pid"])) != owner["started"]:
                return Failure(FailureKind.CRASHED, f"its tuner died (process {owner['pid']} on {host})")
            # Its heartbeat may have stopped while the machine slept, or a file was held. Where no system tells when
            # a process began, another one may have the number; and an earlier tuner of this process may be done.
            if begun and owner["pid"] != self._owner["pid"]:
                return None
        if age_s is not None and self.heartbeat.is_over(age_s):
            return Failure(FailureKind.PREEMPTED, f"no heartbeat from its tuner on {host} for {age_s:.0f} s")
        return None

    def record_death(self, trial: FrozenTrial, failure: Failure) -> bool:
        """Count a death: the trial is requeued, or, after too many, fails. The lock is held.

        Returns whether it was requeued.
        """
        trial_id = self._id(trial.number)
        reached = max([*trial.intermediate_values, trial.user_attrs.get(REACHED, 0)])
        owner: dict[str, Any] | None = trial.user_attrs.get(OWNER)
        count, before, *buried = trial.user_attrs.get(DEATHS, (0, -1))
        # Without an owner it never began, or is counted: a server, or whoever counted, died before the state was told.
        if owner is not None and (owner.get("claim") is None or owner["claim"] not in buried):
            count = count + 1 if reached <= before else 1
            self.storage.set_trial_user_attr(trial_id, DEATHS, (count, max(reached, before), owner.get("claim")))
        is_over = count > self.retries and trial.user_attrs.get(OWNER) is not None
        if is_over:
            message = f"{failure.message}; {count} attempts failed (search.retries is {self.retries})"
            self.storage.set_trial_user_attr(trial_id, FAILURE, {"kind": str(failure.kind), "message": message})
        self.storage.set_trial_user_attr(trial_id, OWNER, None)
        self.storage.set_trial_state_values(trial_id, TrialState.FAIL if is_over else TrialState.WAITING)
        return not is_over

    def _standing(self, number: int) -> tuple[TrialState, str | None]:
        """A trial's state and the token of its owner, in one query: Optuna reads all of a trial in seven."""
        if not isinstance(self.storage, RDBStorage):
            trial = self.storage.get_trial(self._id(number))
            return trial.state, self._token(trial)
        with self.storage.engine.connect() as connection:
            row = connection.execute(_STANDING, {"id": self._id(number)}).one_or_none()
        if row is None:
            raise KeyError(f"no trial {number} in the study {self.study.study_name!r}")
        owner = json.loads(row.value_json or "null")
        return TrialState[row.state], owner["token"] if owner else None

    def _id(self, number: int) -> int:
        """The trial's id in the storage, which never changes; numbers have no index, so each look reads them all."""
        if number not in self._ids:
            self._ids[number] = self.storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        return self._ids[number]

    @staticmethod
    def _token(trial: FrozenTrial) -> str | None:
        owner = trial.user_attrs.get(OWNER)
        return owner["token"] if owner else None
