"""The budget of a run: its own time, and the study's device-hours."""

import math
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import fmean

from optuna.trial import FrozenTrial, TrialState

from ..roles import SECONDS
from ..settings import SearchSettings


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "all trials are done"
    TIMEOUT = "the timeout is over"
    DEVICE_HOURS = "the device-hours are spent"
    INTERRUPTED = "interrupted"


class Budget:
    """What one run may use: its clock, how long its trials take, and the study's limits.

    Args:
        timeout_s: the longest time of the run, from now on.
        settings: its `device_hours`, `trial_timeout` and `checkpoints` hold; by default trials take what they want.
    """

    def __init__(self, timeout_s: float | None = None, settings: SearchSettings | None = None) -> None:
        self._deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self.settings = settings or SearchSettings()
        self._begun: dict[int, float] = {}
        self._durations: list[float] = []

    @property
    def left_s(self) -> float:
        """Seconds until the timeout."""
        return self._deadline - time.monotonic()

    def began(self, number: int) -> None:
        """A trial got its slot."""
        self._begun[number] = time.monotonic()

    def ended(self, number: int) -> None:
        """A trial left its slot for good."""
        self._durations.append(time.monotonic() - self._begun.pop(number))

    def over(self, trials: Sequence[FrozenTrial], spent: Mapping[int, float]) -> Ending | None:
        """Which budget has no room for one more trial, by the mean of those that ended; None if all have.

        Args:
            trials: all of the study.
            spent: seconds of training of this run's own trials, by number; those of the others are stored.
        """
        if self._durations and fmean(self._durations) > self.left_s:
            return Ending.TIMEOUT
        if self.settings.device_hours is None:
            return None
        seconds = {trial.number: trial.user_attrs.get(SECONDS, 0.0) for trial in trials} | dict(spent)
        ended = [seconds[trial.number] for trial in trials if trial.state.is_finished()]
        mean = fmean(ended) if ended else 0.0
        still = (max(mean - seconds[trial.number], 0.0) for trial in trials if trial.state is TrialState.RUNNING)
        is_over = sum(seconds.values()) + sum(still) + mean > self.settings.device_hours * 3600
        return Ending.DEVICE_HOURS if is_over else None
