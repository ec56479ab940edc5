"""Trials over several workers: one worker per place, replaced when it dies, terminated when it hangs.

What all pools share; subclasses start workers and exchange messages with them (process.py, ray_cluster.py).
A worker is given one round at a time, so the tuner has recorded an evaluation before its trial continues.
"""

import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from ...objectives.training.failure import Failure, FailureKind, timed_out
from ...objectives.training.trainer import Evaluation, check_slot
from ...spaces.configuration import Configuration
from ...spaces.errors import TrainingError
from ..wording import counted
from .executor import Executor
from .lanes import Job, Lane, Worker, WorkerDied
from .places import Place
from .worker import Begun, Broken, Leaving, Note, Noted, Preparing, Ready, Recipe, Round, Told

STARTS = 3
"""Workers that die so often before their first round begins will not start."""
WRITING_S = 300.0
"""A worker that is asked for a trial's state and takes longer than that hangs; an earlier checkpoint has to do."""


class PoolExecutor(Executor):
    """Trials over the workers of several places.

    Args:
        places: a worker each, started when its first trial comes.
        recipe: what workers are made from; its `slots` is the number of trials in each.
        note: hears what the user should know.
        retries: how often in a row a trial is begun again whose worker died without a new rung.
        trial_timeout_s: the longest time that a trial may train, None for ever; a worker that hangs is ended.
    """

    starting_s: ClassVar[float | None] = None
    """A worker that is not ready after so many seconds hangs; None: it may have to wait for room."""

    def __init__(
        self,
        places: Sequence[Place],
        recipe: Recipe,
        note: Note,
        retries: int,
        trial_timeout_s: float | None,
    ) -> None:
        self.threads = 1 if places[0].is_core else None
        self._lanes = [Lane(place) for place in places]
        self._recipe = recipe
        self._note = note
        self._retries = retries
        self._limit = trial_timeout_s
        self._kept: list[Evaluation] = []
        """Heard while waiting for something else."""
        self._is_draining = False
        """Whether no new rung begins, so that a worker that dies is not replaced."""

    @abstractmethod
    def hire(self, place: Place) -> Worker:
        """Start a worker; it says Ready when it is."""

    @abstractmethod
    def waited(self, workers: Sequence[Worker], timeout_s: float | None) -> Iterable[Worker]:
        """Those of the workers that have a message, or died, after at most `timeout_s`."""

    @property
    def capacity(self) -> int:
        return len(self._lanes) * self._recipe.slots

    def admit(self, trial_id: int, configuration: Configuration) -> None:
        check_slot(trial_id, [job for lane in self._lanes for job in lane.jobs], self.capacity)
        free = [lane for lane in self._lanes if len(lane.jobs) < self._recipe.slots]
        lane = min(free, key=lambda lane: (len(lane.jobs), lane.worker is None))
        lane.jobs[trial_id] = Job(configuration)

    def charge(self, trial_id: int, seconds: float) -> None:
        self._lane(trial_id).jobs[trial_id].seconds += seconds

    def advance(self, timeout_s: float | None = None) -> list[Evaluation]:
        """As the contract says. A trial whose worker is replaced goes on, and tells nothing twice.

        Raises:
            TrainingError: workers do not start.
            InputError: a worker found the data changed or gone.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            for lane in self._lanes:
                self._dispatch(lane)
            found = self._heard(_until(end))
            # A worker that told only what was heard before goes on.
            if found or _until(end) == 0 or not any(lane.busy or lane.going_on for lane in self._lanes):
                return found

    def drain(self) -> list[Evaluation]:
        self._is_draining = True
        try:
            found: list[Evaluation] = self._heard(0.0)
            for lane in self._lanes:
                if lane.busy and not lane.ready:  # nothing trains there yet, and a cluster may never have room
                    lane.vacate()
            while any(lane.busy for lane in self._lanes):
                found += self._heard(None)
        finally:
            self._is_draining = False
        return found

    def evict(self, trial_id: int) -> None:
        lane = self._lane(trial_id)
        self._have_written(lane, trial_id)
        del lane.jobs[trial_id]

    def discard(self, trial_id: int) -> None:
        self._dismiss(trial_id, Leaving.DISCARD)
        self._recipe.store.remove(trial_id)

    def abandon(self, trial_id: int) -> None:
        self._dismiss(trial_id, Leaving.ABANDON)

    def retain(self, trial_ids: Collection[int]) -> None:
        self._recipe.store.retain(trial_ids)

    def close(self) -> None:
        for lane in self._lanes:
            if lane.worker is not None:
                if lane.busy:
                    lane.worker.kill()
                else:
                    lane.worker.close()
            lane.worker, lane.busy = None, False
            lane.jobs.clear()
            lane.leaving.clear()
        self._kept.clear()

    def _dismiss(self, trial_id: int, leaving: Leaving) -> None:
        """Let a trial go; its worker hears of it with its next round."""
        lane = self._lane(trial_id)
        if lane.jobs.pop(trial_id).sent and lane.worker is not None:
            lane.leaving.append((trial_id, leaving))
            if lane.busy and trial_id in lane.training and not lane.running:
                lane.starts -= not lane.begun  # it is ended, and does not die by itself
                lane.vacate()  # nobody waits for what it does, nor would see that it hangs

    def _lane(self, trial_id: int) -> Lane:
        for lane in self._lanes:
            if trial_id in lane.jobs:
                return lane
        raise ValueError(f"trial {trial_id} is in no slot")

    def _dispatch(self, lane: Lane) -> None:
        """Give an idle lane its next round; only news, or trials that go on, make one."""
        if not (lane.busy or self._is_draining) and (lane.going_on or (lane.leaving and lane.worker)):
            self._send(lane, train=lane.going_on)

    def _send(self, lane: Lane, *, train: bool) -> None:
        if lane.worker is None:
            lane.worker, lane.ready, lane.trace = self.hire(lane.place), False, ""
            lane.leaving.clear()  # it never had them
            lane.starts, lane.hired = lane.starts + 1, time.monotonic()
        coming = lane.waiting if train else {}
        if any(job.is_suspect for job in coming.values()):
            lane.withdraw()
        given = Round(list(lane.leaving), {key: job.configuration for key, job in coming.items()}, train)
        lane.leaving.clear()
        for job in coming.values():
            job.sent = True
        lane.busy, lane.begun = True, False
        lane.training = [trial_id for trial_id, job in lane.jobs.items() if job.sent and not job.over]
        lane.since = time.monotonic() if lane.ready and train else None
        try:
            lane.worker.send(given)
            lane.begun = not train  # of other rounds nothing is heard before their end
        except WorkerDied as error:
            self._kept += self._replace(lane, str(error))

    def _have_written(self, lane: Lane, trial_id: int) -> None:
        """Have a trial's state in the store, after the rung that its worker is at; a new worker is asked again."""
        asked: Worker | None = None
        while asked is None or asked is not lane.worker:
            while lane.busy:
                self._kept += self._heard(None, [lane])
            asked = lane.worker
            if asked is None or not lane.jobs[trial_id].sent:
                return
            lane.leaving.append((trial_id, Leaving.EVICT))
            self._send(lane, train=False)
            end = time.monotonic() + WRITING_S
            while lane.busy and lane.worker is asked:
                self._kept += self._heard(_until(end), [lane])
                if lane.busy and lane.worker is asked and _until(end) == 0:
                    self._note(
                        f"{lane.place.name}: trial {trial_id}'s state was not written within {WRITING_S:.0f} s; "
                        "the worker is terminated"
                    )
                    lane.vacate()

    def _heard(self, timeout_s: float | None, lanes: Sequence[Lane] | None = None) -> list[Evaluation]:
        """What busy lanes tell until there is an evaluation, none is busy, or the time is over."""
        lanes = self._lanes if lanes is None else lanes
        if lanes is self._lanes and self._kept:
            kept, self._kept = self._kept, []
            return kept
        end = None if timeout_s is None else time.monotonic() + timeout_s
        found: list[Evaluation] = []
        while not found and (busy := [lane for lane in lanes if lane.busy]):
            ready = self.waited([lane.worker for lane in busy if lane.worker], self._patience(busy, _until(end)))
            for worker in ready:
                lane = next(lane for lane in busy if lane.worker is worker)
                found += self._listen(lane, worker)
            found += [evaluation for lane in busy for evaluation in (*self._not_ready(lane), *self._overdue(lane))]
            if _until(end) == 0:
                break
        return found

    def _patience(self, lanes: Sequence[Lane], left: float | None) -> float | None:
        """How long to wait at most, so that no time limit is missed."""
        waits = [left, *(lane.patience(self._limit) for lane in lanes if self._limit is not None)]
        waits += [lane.starting(self.starting_s) for lane in lanes if self.starting_s is not None]
        return min((wait for wait in waits if wait is not None), default=None)

    def _listen(self, lane: Lane, worker: Worker) -> list[Evaluation]:
        try:
            message = worker.receive()
        except WorkerDied as error:
            return self._replace(lane, str(error))
        match message:
            case Ready():
                lane.ready, lane.since = True, time.monotonic()
            case Preparing():
                lane.begun, lane.starts, lane.since = True, 0, None
            case Begun(trial_ids):
                lane.begun, lane.starts = True, 0
                lane.training, lane.since = trial_ids, time.monotonic()
            case Noted(text):
                self._note(text)
            case Broken(trace, error):
                if error is not None:
                    raise error
                lane.trace = trace
            case Told(evaluations):
                lane.busy, lane.training, lane.since = False, (), None
                news = [each for each in evaluations if self._is_news(lane, each)]
                return [replace(each, seconds=lane.jobs[each.trial_id].hand_over()) for each in news]
        return []

    def _is_news(self, lane: Lane, evaluation: Evaluation) -> bool:
        job = lane.jobs.get(evaluation.trial_id)
        if job is None or not job.sent:
            return False  # it left meanwhile
        job.charge(evaluation.seconds)
        job.over = evaluation.finished
        if evaluation.step <= job.heard and evaluation.failure is None:
            return False
        job.heard, job.deaths, job.is_suspect = evaluation.step, 0, False
        return True

    def _replace(self, lane: Lane, reason: str) -> list[Evaluation]:
        """A worker died: its trials go to a new one, but for those that it died on too often."""
        blamed = list(lane.running.values())
        lane.charge()
        failed: list[Evaluation] = []
        for job in blamed if lane.begun else []:
            job.is_suspect |= len(blamed) > 1  # each is trained alone then, so that its neighbours are not blamed
            job.deaths += len(blamed) == 1
        for trial_id, job in lane.jobs.items():
            if job.deaths > self._retries and not job.over:
                message = f"{reason}; {counted(job.deaths, 'attempt')} failed (search.retries is {self._retries})"
                failed.append(job.end(trial_id, Failure(FailureKind.CRASHED, message, lane.trace)))
        if not lane.begun and lane.starts >= STARTS:
            last = lane.trace.strip().rpartition("\n")[2]
            raise TrainingError(f"{lane.place.name} does not start: {reason}" + (f": {last}" if last else ""))
        lane.vacate()
        if going_on := sorted(lane.waiting):
            trials = ", ".join(map(str, going_on))
            self._note(f"{lane.place.name}: {reason}; trials resume from their last checkpoints: {trials}")
            self._dispatch(lane)
        return failed

    def _not_ready(self, lane: Lane) -> list[Evaluation]:
        """Replace a worker that does not come to its first trial."""
        if self.starting_s is None or lane.starting(self.starting_s) != 0:
            return []
        return self._replace(lane, f"it was not ready after {self.starting_s:.0f} s")

    def _overdue(self, lane: Lane) -> list[Evaluation]:
        """End a worker whose trial takes too long. Its neighbours go on in a new one."""
        if self._limit is None or not (late := lane.late(self._limit)):
            return []
        lane.charge()
        found = [
            lane.jobs[trial_id].end(trial_id, timed_out(seconds, self._limit)) for trial_id, seconds in late.items()
        ]
        lane.vacate()
        self._dispatch(lane)
        return found


def _until(end: float | None) -> float | None:
    """Seconds until then, 0 if it is over."""
    return None if end is None else max(end - time.monotonic(), 0.0)
