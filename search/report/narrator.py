"""Turns a run's events into counts and sentences; subclasses print or draw them."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping

from ...spaces.configuration import Configuration
from .. import wording
from ..observer import Standing
from ..roles import BASELINE
from ..safe_text import plain
from .progress import RunProgress


class Narrator(ABC):
    """An observer that says one sentence an event.

    `progress` may be read from another thread while `lock` is held.
    """

    def __init__(self, *, is_race: bool) -> None:
        self.progress = RunProgress(is_race=is_race)
        self.lock = threading.RLock()  # re-entrant: a signal handler may report on the thread that holds it

    @abstractmethod
    def say(self, sentence: str, *, passing: bool = False) -> None:
        """Tell the user, on one line; a `passing` sentence matters only while its trial runs."""

    def began(self, total: int, standing: Standing, direction: str, max_steps: int, slots: int) -> None:
        """What there is to do, and what is known already."""
        total = max(total, standing.done)
        progress = RunProgress(total, max_steps, direction, is_race=self.progress.is_race, slots=slots)
        progress.update(standing)
        with self.lock:
            self.progress = progress
        known = [f"{total} {progress.noun}, {standing.done} done"]
        if progress.best:
            known.append(f"best so far {wording.number(progress.best[1])} (trial {progress.best[0]})")
        if progress.baseline is not None:
            known.append(f"baseline {wording.number(progress.baseline)}")
        self.say(", ".join(known))

    def updated(self, standing: Standing) -> None:
        """What other runs have added; their own terminals tell of it."""
        with self.lock:
            self.progress.update(standing)

    def started(self, number: int, role: str | None, configuration: Configuration) -> None:
        """Which configuration the trial trains."""
        with self.lock:
            self.progress.start(number, role, configuration)
        name = self.progress.name(number)
        told = f"{name} ({role})" if role and role != name else name
        self.say(f"{told} started: {wording.in_short(configuration)}", passing=True)

    def evaluated(self, number: int, step: int, value: float) -> None:
        """How far the trial is."""
        with self.lock:
            name, length = self.progress.name(number), self.progress.max_steps
            self.progress.evaluate(number, step, value)
        self.say(f"{name} step {step}/{length}: {wording.number(value)}", passing=True)

    def completed(self, number: int, value: float, step: int, others: Mapping[str, float]) -> None:
        """The trial's best evaluation, against the baseline; of several objectives by the first."""
        with self.lock:
            name, is_baseline = self.progress.name(number), self.progress.running[number].role == BASELINE
            self.progress.finish(number, value)
        values = ", ".join([wording.number(value), *(f"{name} {wording.number(its)}" for name, its in others.items())])
        parts = [f"{name} complete: {values} at step {step}"]
        if is_baseline:
            parts.append("the baseline")
        elif self.progress.baseline is not None:
            parts.append(wording.compared(value, self.progress.baseline, "the baseline", self.progress.direction))
        if self.progress.best == (number, value):
            parts.append("best so far")
        self.say(", ".join(parts))

    def pruned(self, number: int, step: int, value: float) -> None:
        """Where the trial was stopped."""
        with self.lock:
            name = self.progress.name(number)
            self.progress.prune(number)
        self.say(f"{name} pruned at step {step}: {wording.number(value)}")

    def failed(self, number: int, reason: str) -> None:
        """Why the trial has no value."""
        with self.lock:
            name = self.progress.name(number)
            self.progress.fail(number)
        self.say(f"{name} failed: {plain(reason)}")

    def requeued(self, number: int) -> None:
        """An interrupted trial is not lost."""
        with self.lock:
            name = self.progress.name(number)
            self.progress.requeue(number)
        self.say(f"{name} interrupted: requeued")

    def message(self, text: str) -> None:
        """The text, on one line."""
        self.say(plain(text))

    def ended(self, reason: str) -> None:
        """Why the run stopped, where the study stands, and what of that is this run's."""
        progress = self.progress
        self.say(
            f"{plain(reason)}: {progress.standing} done, {progress.counts} in {wording.duration(progress.elapsed_s)}"
        )
