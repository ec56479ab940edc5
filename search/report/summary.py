"""The facts of a study as a value: what every report, on the terminal or as JSON, is made from."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ...spaces.configuration import Configuration
from ..roles import BASELINE, BEST_STEP, CONFIGURATION, EQUAL_WEIGHTS, FAILURE, ROLE, SECONDS
from .importance import parameter_importances
from .wording import MAXIMIZE

TOP = 5
NONE = "none"
_MIX_PARAMETER = "augmentation.mix."


@dataclass(frozen=True)
class RankedTrial:
    """A COMPLETE trial: its best evaluation's value and main-task step, and what it trained."""

    number: int
    value: float
    step: int
    configuration: Configuration


@dataclass(frozen=True)
class Counts:
    """How many trials are in which state; `total` is how many the study wants."""

    total: int
    complete: int
    pruned: int
    failed: int
    running: int


@dataclass(frozen=True)
class FailureGroup:
    """The failed trials of one kind, with the first one's words."""

    kind: str
    count: int
    number: int
    message: str


@dataclass(frozen=True)
class Summary:
    """All that a report says about a study. PRUNED trials have no comparable value and are only counted."""

    study: str
    objective: str
    direction: str
    main_task: str
    auxiliary_tasks: tuple[str, ...]
    operations: tuple[str, ...]
    encoder: str
    max_steps: int
    top: tuple[RankedTrial, ...]
    baseline: RankedTrial | None
    equal_weights: RankedTrial | None
    counts: Counts
    failures: tuple[FailureGroup, ...]
    importance: dict[str, float]
    seconds: float
    dropped: tuple[tuple[str, int], ...]
    """Why training rows were dropped before the study began, and how many for each reason."""

    @property
    def best(self) -> RankedTrial | None:
        """The COMPLETE trial with the best value, the earliest of equals."""
        return self.top[0] if self.top else None

    def mix(self, configuration: Configuration) -> dict[str, float]:
        """The probability of "none" and of each operation of the study; they sum to 1."""
        shares = {name: configuration.mix.operations.get(name, 0.0) for name in self.operations}
        return {NONE: max(0.0, 1 - configuration.mix.share), **shares}

    def betas(self, configuration: Configuration) -> dict[str, float]:
        """Every auxiliary task's normalised loss weight, 0 for one that is switched off."""
        return {task: configuration.betas.get(task, 0.0) for task in self.auxiliary_tasks}

    def to_json(self) -> dict[str, Any]:
        """The contract of `report --json`: finite numbers, strings, lists and dicts only."""
        return {
            "study": self.study,
            "objective": self.objective,
            "direction": self.direction,
            "best": self._ranked_json(self.best) if self.best else None,
            "baseline": {"number": self.baseline.number, "value": self.baseline.value} if self.baseline else None,
            "trials": asdict(self.counts),
            "top": [self._ranked_json(trial) for trial in self.top],
            "importance": self.importance,
            "seconds": self.seconds,
        }

    def _ranked_json(self, trial: RankedTrial) -> dict[str, Any]:
        configuration = trial.configuration
        return {
            "number": trial.number,
            "value": trial.value,
            "step": trial.step,
            "configuration": {
                "learning_rate": configuration.learning_rate,
                "alpha": configuration.alpha,
                "betas": self.betas(configuration),
                "mix": self.mix(configuration),
                "magnitude": configuration.mix.magnitude,
                "training": dict(configuration.training),
            },
        }


def summarize(study: optuna.Study) -> Summary:
    """Read the facts of a single-objective study that the tuner wrote; nothing is written."""
    trials = study.get_trials(deepcopy=False)
    attributes = study.user_attrs
    direction = study.direction.name.lower()
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and _is_finite(trial.value)]
    return Summary(
        study=study.study_name,
        objective=attributes["objective"],
        direction=direction,
        main_task=attributes["main_task"],
        auxiliary_tasks=tuple(attributes["auxiliary_tasks"]),
        operations=_operations(trials),
        encoder=attributes["encoder"],
        max_steps=attributes["max_steps"],
        top=tuple(_ranked(trial) for trial in _best_first(complete, direction)[:TOP]),
        baseline=_first_with_role(complete, BASELINE),
        equal_weights=_first_with_role(complete, EQUAL_WEIGHTS),
        counts=_counts(trials, attributes["total"]),
        failures=_failures(trials),
        importance=parameter_importances(study),
        seconds=sum(filter(_is_finite, (trial.user_attrs.get(SECONDS, 0.0) for trial in trials))),
        dropped=tuple((finding["what"], finding["count"]) for finding in attributes["cleaning"]),
    )


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _best_first(trials: Iterable[FrozenTrial], direction: str) -> list[FrozenTrial]:
    sign = -1.0 if direction == MAXIMIZE else 1.0
    return sorted(trials, key=lambda trial: (sign * _value(trial), trial.number))


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None  # a COMPLETE trial has one: Optuna refuses to store it without
    return trial.value


def _ranked(trial: FrozenTrial) -> RankedTrial:
    configuration = Configuration.model_validate(trial.user_attrs[CONFIGURATION])
    return RankedTrial(trial.number, _value(trial), trial.user_attrs[BEST_STEP], configuration)


def _first_with_role(trials: Iterable[FrozenTrial], role: str) -> RankedTrial | None:
    return next((_ranked(trial) for trial in trials if trial.user_attrs.get(ROLE) == role), None)


def _operations(trials: Iterable[FrozenTrial]) -> tuple[str, ...]:
    """Every operation that the study may mix, sorted by name: a storage does not keep their order."""
    names: set[str] = set()
    for trial in trials:
        searched = (name for name in trial.params if name.startswith(_MIX_PARAMETER))
        names.update(name.removeprefix(_MIX_PARAMETER) for name in searched)
        names.update(trial.user_attrs.get(CONFIGURATION, {}).get("mix", {}).get("operations", {}))
    return tuple(sorted(names))


def _counts(trials: Sequence[FrozenTrial], total: int) -> Counts:
    states = [trial.state for trial in trials]
    return Counts(
        total=total,
        complete=states.count(TrialState.COMPLETE),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        running=states.count(TrialState.RUNNING),
    )


def _failures(trials: Iterable[FrozenTrial]) -> tuple[FailureGroup, ...]:
    """Failed trials by kind, the most frequent first."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for trial in trials:
        if trial.state == TrialState.FAIL:
            # Optuna itself fails trials whose process died, and gives no reason.
            failure = trial.user_attrs.get(FAILURE, {"kind": "lost", "message": "its process died"})
            groups.setdefault(failure["kind"], []).append((trial.number, failure["message"]))
    by_frequency = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(FailureGroup(kind, len(members), *members[0]) for kind, members in by_frequency)
