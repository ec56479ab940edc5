"""The state of a run in progress, which the live view draws."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...spaces.configuration import Configuration
from .. import wording
from ..observer import Standing
from ..roles import BASELINE


@dataclass
class ShownTrial:
    """A trial in a slot, with its evaluations so far."""

    number: int
    role: str | None
    configuration: Configuration
    step: int = 0
    values: list[float] = field(default_factory=list[float])


@dataclass
class RunProgress:
    """Counts a run's events, and estimates what is left of it."""

    total: int = 0
    max_steps: int = 0
    direction: str = wording.MAXIMIZE
    done: int = 0
    best: tuple[int, float] | None = None
    baseline: float | None = None
    is_race: bool = True
    """Whether trials compete; fresh trainings do not, and each has a name of its own in place of a number."""
    slots: int = 1
    clock: Callable[[], float] = time.monotonic
    running: dict[int, ShownTrial] = field(default_factory=dict[int, ShownTrial])
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    _first_start_s: float | None = None
    _busy_s: float = 0.0
    """Seconds that slots held a trial, all together, up to the latest change."""
    _changed_s: float = 0.0
    _ended_steps: int = 0
    _left_s: float | None = None
    _left_at_s: float = 0.0

    @property
    def noun(self) -> str:
        """What is counted."""
        return "trials" if self.is_race else "trainings"

    @property
    def standing(self) -> str:
        """How much of the study is done; a run elsewhere may have been given a greater total."""
        return f"{self.done} of {max(self.total, self.done)} {self.noun}"

    def name(self, number: int) -> str:
        """What a running trial is called."""
        role = self.running[number].role
        return f"trial {number}" if self.is_race or role is None else role

    def update(self, standing: Standing) -> None:
        """What the whole study has, other runs' trials included."""
        self.done = standing.done
        if self.is_race:
            self.best, self.baseline = standing.best, standing.baseline

    def start(self, number: int, role: str | None, configuration: Configuration) -> None:
        """A trial got its slot."""
        if self._first_start_s is None:
            self._first_start_s = self.clock()
        self._count_busy()
        self.running[number] = ShownTrial(number, role, configuration)

    def evaluate(self, number: int, step: int, value: float) -> None:
        """A running trial reached a rung."""
        trial = self.running[number]
        trial.step = step
        trial.values.append(value)
        self._estimate()

    def finish(self, number: int, value: float) -> None:
        """A trial is complete; it may be the new best, or the baseline."""
        if self.running[number].role == BASELINE:
            self.baseline = value
        if self._is_new_best(number, value):
            self.best = (number, value)
        self.complete += 1
        self._leave(number)

    def prune(self, number: int) -> None:
        """A trial was stopped at a rung."""
        self.pruned += 1
        self._leave(number)

    def fail(self, number: int) -> None:
        """A trial ended without a value."""
        self.failed += 1
        self._leave(number)

    def requeue(self, number: int) -> None:
        """A trial was interrupted: it is not done."""
        self._count_busy()
        del self.running[number]

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first trial of this run started."""
        return 0.0 if self._first_start_s is None else self.clock() - self._first_start_s

    @property
    def left_s(self) -> float | None:
        """Estimated seconds to the end, counting down between events; None while there is no ground for one."""
        return None if self._left_s is None else max(0.0, self._left_s - (self.clock() - self._left_at_s))

    @property
    def occupancy(self) -> float | None:
        """The share of all slots that held a trial since the first one started; None before."""
        if not self.elapsed_s:
            return None
        return (self._busy_s + len(self.running) * (self.clock() - self._changed_s)) / self.slots / self.elapsed_s

    @property
    def counts(self) -> str:
        """What became of the trials of this run, said so where others were done before or elsewhere."""
        whose = "" if self.ended == self.done else "in this run "
        pruned = f"{self.pruned} pruned, " if self.is_race else ""
        return f"{whose}{self.complete} complete, {pruned}{self.failed} failed"

    @property
    def ended(self) -> int:
        """How many trials left for good in this run."""
        return self.complete + self.pruned + self.failed

    def _is_new_best(self, number: int, value: float) -> bool:
        if self.best is None or not self.is_race:
            return self.is_race
        gain = wording.advantage(value, self.best[1], self.direction)
        return gain > 0 or (gain == 0 and number < self.best[0])

    def _count_busy(self) -> None:
        """Before a trial comes or goes: how long the others were there."""
        now = self.clock()
        self._busy_s += len(self.running) * (now - self._changed_s)
        self._changed_s = now

    def _leave(self, number: int) -> None:
        self._count_busy()
        self._ended_steps += self.running.pop(number).step
        self.done += 1
        self._estimate()

    def _estimate(self) -> None:
        """Remaining steps at the pace so far.

        A trial to come is worth the mean steps of those that ended, the pruned ones included, and the
        full length before any ended. So the first estimates are upper bounds where pruning is on.
        """
        trained = self._ended_steps + sum(trial.step for trial in self.running.values())
        if not trained:
            return
        typical = self._ended_steps / self.ended if self.ended else self.max_steps
        waiting = max(0, self.total - self.done - len(self.running))
        steps_left = waiting * typical + sum(self._steps_left(trial, typical) for trial in self.running.values())
        self._left_s = self.elapsed_s / trained * steps_left
        self._left_at_s = self.clock()

    def _steps_left(self, trial: ShownTrial, typical: float) -> float:
        """A trial that outlived the typical one was not pruned: it is expected to go to the end."""
        return (typical if trial.step < typical else self.max_steps) - trial.step
