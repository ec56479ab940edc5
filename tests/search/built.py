"""Real Optuna studies in memory, built trial by trial, for reports."""

from collections.abc import Mapping
from typing import Literal

import optuna
from autotune.spaces.configuration import Configuration, Mix
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

DISTRIBUTIONS: Mapping[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 5e-4, log=True),
    "loss_weights.aspect.on": CategoricalDistribution([True, False]),
    "loss_weights.aspect.ratio": FloatDistribution(0.03, 10, log=True),
    "augmentation.on": CategoricalDistribution([True, False]),
    "augmentation.share": FloatDistribution(0, 0.8),
    "augmentation.magnitude": FloatDistribution(0.05, 0.3),
    "augmentation.mix.noise": FloatDistribution(0, 1),
    "augmentation.mix.reverse": FloatDistribution(0, 1),
    "training.weight_decay": FloatDistribution(0, 0.1),
}
WINNER = Configuration(
    learning_rate=1.2e-4,
    ratios={"aspect": 0.25},
    mix=Mix(operations={"noise": 0.3, "reverse": 0.1}, magnitude=0.15),
    training={"weight_decay": 0.03},
)


Direction = Literal["maximize", "minimize"]


class BuiltStudy:
    """A study in memory that grows trial by trial, as if the tuner ran."""

    def __init__(self, name: str = "reviews", direction: Direction = "maximize", **attributes: object) -> None:
        sampler = optuna.samplers.RandomSampler(seed=0)
        self.study = optuna.create_study(study_name=name, direction=direction, sampler=sampler)
        facts: dict[str, object] = {
            "objective": "sentiment.accuracy",
            "total": 12,
            "main_task": "sentiment",
            "auxiliary_tasks": ["aspect"],
            "max_steps": 132,
            "cleaning": [],
            "augmentation": {},
            "normalisers": {},
            "encoder": "scratch:tiny",
        }
        for key, value in (facts | attributes).items():
            self.study.set_user_attr(key, value)

    def ask(self, configuration: Configuration = WINNER, role: str | None = None) -> optuna.Trial:
        """A running trial."""
        trial = self.study.ask(dict(DISTRIBUTIONS))
        trial.set_user_attr("configuration", configuration.model_dump())
        if role:
            trial.set_user_attr("role", role)
        return trial

    def add_complete(
        self, value: float, configuration: Configuration = WINNER, role: str | None = None, seconds: float = 10.0
    ) -> None:
        """A trial with its best evaluation at step 88 and a worse one after it."""
        trial = self.ask(configuration, role)
        trial.report(value, 88)
        trial.report(value - 0.1, 132)
        trial.set_user_attr("best_step", 88)
        trial.set_user_attr("seconds", seconds)
        self.study.tell(trial, value)

    def add_baseline(self, value: float) -> None:
        """The main task alone."""
        self.add_complete(value, Configuration(learning_rate=5e-5), "baseline")

    def add_equal_weights(self, value: float) -> None:
        """All tasks with the same weight."""
        self.add_complete(value, Configuration(learning_rate=5e-5, ratios={"aspect": 1.0}), "equal weights")

    def add_pruned(self, value: float) -> None:
        """A trial that was stopped at step 44, with a report there."""
        trial = self.ask()
        trial.report(value, 44)
        trial.set_user_attr("seconds", 4.0)
        self.study.tell(trial, state=TrialState.PRUNED)

    def add_failed(
        self, kind: str | None, message: str = "a loss is NaN", role: str | None = None, trace: str = ""
    ) -> None:
        """A failed trial, with the tuner's reason or, for None, with none at all."""
        trial = self.ask(role=role)
        if kind:
            trial.set_user_attr("failure", {"kind": kind, "message": message} | ({"trace": trace} if trace else {}))
        self.study.tell(trial, state=TrialState.FAIL)


def raced_study() -> BuiltStudy:
    """Baseline 0.90, equal weights 0.88, the winner 0.93 as trial 2, and one trial of every other end."""
    study = BuiltStudy()
    study.add_baseline(0.90)
    study.add_equal_weights(0.88)
    study.add_complete(0.93)
    study.add_pruned(0.99)
    study.add_failed("diverged")
    study.ask()
    return study
