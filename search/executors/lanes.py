"""A lane of a worker pool: a place with its worker and its trials."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...objectives.training.failure import Failure
from ...objectives.training.trainer import Evaluation
from ...spaces.configuration import Configuration
from .places import Place
from .worker import Leaving, Message, Round


class WorkerDied(Exception):
    """A worker is gone; the text says what is known of it."""


class Worker(Protocol):
    """One end of the line to a worker."""

    def send(self, given: Round) -> None:
        """Give it a round. WorkerDied if it is gone."""

    def receive(self) -> Message:
        """Its next message; one is there, or it died. WorkerDied then."""
        ...

    def kill(self) -> None:
        """End it now, whatever it does."""

    def close(self) -> None:
        """End it; one without a round leaves by itself."""


@dataclass
class Job:
    """A trial in a lane."""

    configuration: Configuration
    heard: int = -1
    """The last step that the caller was told of."""
    seconds: float = 0.0
    """Of training, those of rungs that came to nothing and of earlier runs too."""
    unheard: float = 0.0
    """Those of them that the caller has not been told of."""
    deaths: int = 0
    """Workers that died on it in a row, without a new rung."""
    is_suspect: bool = False
    """Whether a worker died under it and others together, and it has not had a rung to itself since."""
    sent: bool = False
    over: bool = False

    def charge(self, seconds: float) -> None:
        """Count time of training."""
        self.seconds += seconds
        self.unheard += seconds

    def hand_over(self) -> float:
        """Report the seconds that were not reported yet; they are reported once."""
        seconds, self.unheard = self.unheard, 0.0
        return seconds

    def end(self, trial_id: int, failure: Failure) -> Evaluation:
        """Its failure, as its last evaluation."""
        self.over = True
        return Evaluation(trial_id, max(self.heard, 0), finished=True, failure=failure, seconds=self.hand_over())


@dataclass
class Lane:
    """A place, its worker and its trials."""

    place: Place
    worker: Worker | None = None
    jobs: dict[int, Job] = field(default_factory=dict[int, Job])
    leaving: list[tuple[int, Leaving]] = field(default_factory=list[tuple[int, Leaving]])
    busy: bool = False
    ready: bool = False
    begun: bool = False
    """Whether its worker was heard to begin its round: who dies before was idle, and no trial is to blame."""
    starts: int = 0
    """Workers in a row that were heard to begin no round."""
    hired: float = 0.0
    """When its worker was hired."""
    training: Sequence[int] = ()
    since: float | None = None
    """When the training of `training` began."""
    trace: str = ""

    @property
    def going_on(self) -> bool:
        """Whether some trial is not at its end."""
        return any(not job.over for job in self.jobs.values())

    @property
    def waiting(self) -> dict[int, Job]:
        """The trials that its worker is to be given; of suspects one at a time, before all others.

        None beside a suspect that is in training: it has not come to a new rung yet.
        """
        if any(job.sent and job.is_suspect and not job.over for job in self.jobs.values()):
            return {}
        found = {trial_id: job for trial_id, job in self.jobs.items() if not job.sent and not job.over}
        suspect = next((trial_id for trial_id, job in found.items() if job.is_suspect), None)
        return found if suspect is None else {suspect: found[suspect]}

    def withdraw(self) -> None:
        """Have the trials that its worker trains leave it for now, so that the next one is alone there."""
        for trial_id, job in self.jobs.items():
            if job.sent and not job.over:
                self.leaving.append((trial_id, Leaving.EVICT))
                job.sent = False

    @property
    def running(self) -> dict[int, Job]:
        """The trials that train now."""
        return {trial_id: self.jobs[trial_id] for trial_id in self.training if trial_id in self.jobs}

    @property
    def share(self) -> float:
        """Seconds of each trial in the rung under way; those that train as one program share the time."""
        return 0.0 if self.since is None else (time.monotonic() - self.since) / max(len(self.training), 1)

    def charge(self) -> None:
        """Count the time of a rung that came to nothing."""
        share = self.share
        for job in self.running.values():
            job.charge(share)

    def late(self, limit: float) -> dict[int, float]:
        """The trials that have trained for more than `limit` seconds, and for how long."""
        if not self.busy or self.since is None:
            return {}
        spent = {trial_id: job.seconds + self.share for trial_id, job in self.running.items()}
        return {trial_id: seconds for trial_id, seconds in spent.items() if seconds > limit}

    def patience(self, limit: float) -> float | None:
        """Seconds until a trial reaches its limit; None where none trains."""
        if self.since is None:
            return None
        spent = [job.seconds + self.share for job in self.running.values()]
        return min((max(limit - seconds, 0.0) * len(self.training) + 0.01 for seconds in spent), default=None)

    def starting(self, limit: float) -> float | None:
        """Seconds until its worker must be ready, 0 where it should have been; None where it is, or there is none."""
        if self.worker is None or self.ready or not self.busy:
            return None
        return max(self.hired + limit - time.monotonic(), 0.0)

    def vacate(self) -> None:
        """Let go of the worker; the next one begins with all trials."""
        if self.worker is not None:
            self.worker.kill()
        self.worker, self.busy, self.training, self.since = None, False, (), None
        self.leaving.clear()
        for job in self.jobs.values():
            job.sent = False
