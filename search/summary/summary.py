"""The facts of a study as a value: what every report, on the terminal or as JSON, is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...objectives.data.cleaning import Finding
from ...spaces.configuration import Configuration
from ..ranking import RankedTrial
from ..wording import advantage
from .auxiliaries import Auxiliary

TOP = 5
NONE = "none"


@dataclass(frozen=True)
class Counts:
    """How many trials are in which state; `total` is how many the study wants, or has where a run was given more."""

    total: int
    complete: int
    pruned: int
    failed: int
    running: int

    @property
    def done(self) -> int:
        """How many have ended, in whatever way."""
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True)
class FailureGroup:
    """The failed trials of one kind, with the first one's words and the end of its traceback, if it has one."""

    kind: str
    trials: tuple[int, ...]
    message: str
    trace: str

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.trials)

    def to_json(self) -> dict[str, Any]:
        """The contract of `report --json`."""
        trace = {"trace": self.trace} if self.trace else {}
        return {"count": self.count, "trials": list(self.trials), "message": self.message, **trace}


@dataclass(frozen=True)
class Augmentation:
    """What the bank of augmented rows was made of.

    `operations`: by name, how many rows it generated, refused and lost to the guard; `dropped`: why others were left
    out; `label_changing`: those after which a row may have another label.
    """

    operations: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    label_changing: Sequence[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Summary:
    """All that a report says about a study. PRUNED trials have no comparable value and are only counted."""

    study: str
    objectives: Mapping[str, str]
    """The direction of each objective; by the first, trials are ranked."""
    main_task: str
    auxiliary_tasks: tuple[str, ...]
    operations: tuple[str, ...]
    encoder: str
    max_steps: int
    complete: tuple[RankedTrial, ...]
    """All COMPLETE trials, the best first, the earliest of equals."""
    front: tuple[RankedTrial, ...]
    """Of several objectives: the trials that no other dominates, the best in the first objective first."""
    baseline: RankedTrial | None
    equal_weights: RankedTrial | None
    counts: Counts
    failures: tuple[FailureGroup, ...]
    importance: dict[str, float]
    seconds: float
    findings: tuple[Finding, ...]
    """What was found in the data before the study began, and what was done about it."""
    augmentation: Augmentation
    auxiliaries: tuple[Auxiliary, ...]
    normalisers: Mapping[str, float]
    """What each task's loss is divided by before α and β weigh it."""
    revision: str | None
    """The commit of an encoder of the Hub."""

    @property
    def objective(self) -> str:
        """All objectives in one line."""
        return ", ".join(self.objectives)

    @property
    def direction(self) -> str:
        """Which way the first objective is better."""
        return next(iter(self.objectives.values()))

    @property
    def has_several(self) -> bool:
        """Whether there is a front instead of one best trial."""
        return len(self.objectives) > 1

    def dominating(self, trial: RankedTrial) -> list[RankedTrial]:
        """The members of the front that are at least as good in every objective and better in one."""
        return [member for member in self.front if self._dominates(member, trial)]

    def _dominates(self, member: RankedTrial, trial: RankedTrial) -> bool:
        pairs = zip(member.values, trial.values, self.objectives.values(), strict=True)
        gains = [advantage(own, other, direction) for own, other, direction in pairs]
        return min(gains) >= 0 and max(gains) > 0

    @property
    def best(self) -> RankedTrial | None:
        """The COMPLETE trial with the best value, the earliest of equals."""
        return self.complete[0] if self.complete else None

    @property
    def top(self) -> tuple[RankedTrial, ...]:
        """The best five."""
        return self.complete[:TOP]

    def mix(self, configuration: Configuration) -> dict[str, float]:
        """The probability of "none" and of each operation of the study; they sum to 1."""
        shares = {name: configuration.mix.operations.get(name, 0.0) for name in self.operations}
        return {NONE: max(0.0, 1 - configuration.mix.share), **shares}

    def named(self, trial: RankedTrial) -> dict[str, float]:
        """A trial's values by objective."""
        return dict(zip(self.objectives, trial.values, strict=True))

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
            "baseline": self._value_json(self.baseline) if self.baseline else None,
            "trials": asdict(self.counts),
            "failures": {group.kind: group.to_json() for group in self.failures},
            "top": [self._ranked_json(trial) for trial in self.top],
            "importance": self.importance,
            "auxiliaries": {task.name: task.to_json() for task in self.auxiliaries},
            "normalisers": dict(self.normalisers),
            "cleaning": [finding.to_json() for finding in self.findings],
            "augmentation": asdict(self.augmentation),
            "seconds": self.seconds,
            **(self._front_json() if self.has_several else {}),
        }

    def _front_json(self) -> dict[str, Any]:
        return {"objectives": dict(self.objectives), "front": [self._ranked_json(trial) for trial in self.front]}

    def _value_json(self, trial: RankedTrial) -> dict[str, Any]:
        found: dict[str, Any] = {"number": trial.number, "value": trial.value}
        if self.has_several:
            found["values"] = self.named(trial)
        if trial.folds:
            found["folds"] = dict(zip(self.objectives, map(list, trial.folds), strict=True))
        return found

    def _ranked_json(self, trial: RankedTrial) -> dict[str, Any]:
        configuration = trial.configuration
        return {
            **self._value_json(trial),
            "step": trial.step,
            "configuration": {
                "learning_rate": configuration.learning_rate,
                "alpha": configuration.alpha,
                "betas": self.betas(configuration),
                "mix": self.mix(configuration),
                "magnitude": configuration.mix.magnitude,
                "training": dict(configuration.training),
                "cleaning": dict(configuration.cleaning),
            },
        }
