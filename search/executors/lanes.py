"""A place with its worker and its trials, as a pool of workers keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
    parts: int
    heard: int = -1
    """The last step that the caller was told of."""
    seconds: float = 0.0
    """Of training, those of rungs that came to nothing too."""
    unheard: float = 0.0
    """Those of them that the caller has not been told of."""
    deaths: int = 0
    """Workers that died on it in a row, without a new rung."""
    is_suspect: bool = False
    """Whether a worker died under it and others together, and it has not had a rung to itself since."""
    sent: bool = False
    over: bool = False


@dataclass
class Lane:
    """A place, its worker and its trials."""

    place: Place
    worker: Worker | None = None
    jobs: dict[int, Job] = field(default_factory=dict[int, Job])
    leaving: list[tuple[int, Leaving]] = field(default_factory=list[tuple[int, Leaving]])
    busy: bool = False
    ready: bool = False
    starts: int = 0
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
        """The trials that its worker is to be given; of suspects one at a time, before all others."""
        found = {trial_id: job for trial_id, job in self.jobs.items() if not job.sent and not job.over}
        suspect = next((trial_id for trial_id, job in found.items() if job.is_suspect), None)
        return found if suspect is None else {suspect: found[suspect]}
