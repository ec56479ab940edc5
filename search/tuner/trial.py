"""A trial in a slot: its reports, cost and value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from optuna.trial import Trial

from ...objectives.training.failure import Failure, FailureKind, timed_out
from ...objectives.training.trainer import Evaluation
from ..roles import BEST_STEP, FOLDS, SECONDS
from ..scoring import Scoring


@dataclass
class RunningTrial:
    """A trial of this run. What it reported before it was interrupted stands: it catches up in silence."""

    trial: Trial
    scoring: Scoring
    values: dict[int, list[float]]
    """The objectives' values by step, those of an interrupted earlier life included."""
    reported: int
    """The last rung that its pruner was told of, in that life or this."""
    lost: float = 0.0
    """Seconds of training in earlier lives."""
    seconds: float = 0.0
    metrics: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    is_news: bool = False
    """Whether its last evaluation was the first at its rung."""
    say: Callable[[], None] | None = None
    """Tells the observer how this run ended the trial, once that is stored."""
    _heard: Evaluation | None = None

    @classmethod
    def begun(cls, trial: Trial, scoring: Scoring, known: Mapping[int, float]) -> Self:
        """A trial that gets its slot; `known` is what it reported before it was interrupted, by step."""
        values = {} if scoring.folds else {step: [value] for step, value in known.items()}
        return cls(trial, scoring, values, max(known, default=0), trial.user_attrs.get(SECONDS, 0.0))

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def spent(self) -> float:
        """Seconds of training, those lost in earlier lives too."""
        return self.lost + self.seconds

    def hear(self, evaluation: Evaluation) -> None:
        """Count an evaluation's time once: it is taken twice where a server was away."""
        if self._heard is not evaluation:
            self._heard, self.is_news = evaluation, False
            self.seconds += evaluation.seconds

    def failure(self, evaluation: Evaluation, limit: float | None) -> Failure | None:
        """Why the trial cannot go on: it took longer than `limit` seconds, failed, or has a value that is no number."""
        if limit is not None and self.spent > limit and not evaluation.finished:
            return timed_out(self.spent, limit)
        if evaluation.failure is not None:
            return evaluation.failure
        for name, value in zip(self.scoring.measures, self.scoring.values(evaluation.metrics), strict=True):
            if not math.isfinite(value):
                return Failure(FailureKind.DIVERGED, f"{name} is {value} at step {evaluation.step}")
        return None

    def note(self, evaluation: Evaluation) -> None:
        """Keep an evaluation, and report it.

        Optuna takes no reports of several objectives, and prunes none of their trials.
        """
        step = evaluation.step
        self.metrics[step] = dict(evaluation.metrics)
        self.values.setdefault(step, self.scoring.values(evaluation.metrics))
        rung, value = self.scoring.report(self.values, step)
        if rung > self.reported and len(self.scoring.measures) == 1:
            self.trial.report(value, rung)
            self.reported, self.is_news = rung, True

    def shown(self, step: int) -> float:
        """Where it stands by its first objective."""
        return self.scoring.shown(self.values, step)

    def outcome(self, *, maximize: bool) -> tuple[int, list[float], dict[str, object]]:
        """What it ends with: the step that counts, the objectives' values there, and attributes to be stored."""
        step, values = self.scoring.outcome(self.values, maximize=maximize)
        folds = {FOLDS: self.scoring.by_fold(self.values)} if self.scoring.folds else {}
        return step, values, {BEST_STEP: step, "metrics": self.scoring.metrics(self.metrics, step), **folds}
