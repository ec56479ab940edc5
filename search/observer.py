"""The observer of a run, which the tuner notifies: a live view, plain lines, a test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..spaces.configuration import Configuration


@dataclass(frozen=True)
class Standing:
    """Where a study stands, other runs' trials included."""

    done: int
    """How many trials have ended."""
    best: tuple[int, float] | None
    """The number and the value of the best of them."""
    baseline: float | None
    """What the baseline reached."""


class Observer(Protocol):
    """Hears the events of one run, in order, on the tuner's thread.

    `began` comes first and `ended` last; every trial is `started` once and then leaves by exactly one
    of `completed`, `pruned`, `failed` and `requeued`; `updated` precedes the first three, and `ended`. Steps
    are main-task optimizer steps, values are the study's first objective in the metric's own unit. An observer
    must be quick (training waits for it) and must not raise: it decides nothing.
    """

    def began(self, total: int, standing: Standing, direction: str, max_steps: int, slots: int) -> None:
        """The run starts, of a study that is to have `total` trials.

        `direction` is "maximize" or "minimize", `max_steps` the full length of one trial, `slots` how many
        train at once.
        """

    def updated(self, standing: Standing) -> None:
        """Where the study stands by now; a trial of this run that is about to leave is not yet counted."""

    def started(self, number: int, role: str | None, configuration: Configuration) -> None:
        """A trial got its slot; `role` is BASELINE, EQUAL_WEIGHTS (search/roles.py) or None."""

    def evaluated(self, number: int, step: int, value: float) -> None:
        """A running trial reached a rung."""

    def completed(self, number: int, value: float, step: int, others: Mapping[str, float]) -> None:
        """A trial ran to its end; `value` is its best evaluation, made at `step`, or the mean of its folds.

        `others` holds the values of further objectives, by name.
        """

    def pruned(self, number: int, step: int, value: float) -> None:
        """A trial was stopped at a rung because others were better there."""

    def failed(self, number: int, reason: str) -> None:
        """A trial ended without a value."""

    def requeued(self, number: int) -> None:
        """A trial was interrupted and goes back to the queue."""

    def message(self, text: str) -> None:
        """Something that the user should read."""

    def ended(self, reason: str) -> None:
        """The run is over: all trials done, a timeout, an interruption."""
