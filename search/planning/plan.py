"""A plan as values: the cost of a study, estimated from a few steps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .costs import STEPS, Cost


@dataclass(frozen=True)
class Spent:
    """Seconds that something takes, between a least and a most; no least where nobody can say."""

    most: float
    least: float | None


@dataclass(frozen=True)
class Placed:
    """Where `run` would train: an executor, over so many places, with so many slots each; and what it would say."""

    executor: str
    places: Sequence[str]
    slots: int
    said: Sequence[str]


@dataclass(frozen=True)
class Confirming:
    """The confirmation: at most so many trainings, and what they take.

    `is_asked` tells whether `run` does it by itself. `arms` are trained on every seed, as are the `variants` of the
    winner; `looks` are trainings that meet the test data.
    """

    is_asked: bool
    candidates: int
    seeds: int
    arms: int
    variants: int
    looks: int
    spent: Spent

    @property
    def trainings(self) -> int:
        """All of them."""
        return (self.arms + self.variants) * self.seeds + self.looks


@dataclass(frozen=True)
class Checkpoints:
    """Bytes of one checkpoint, how many there are at once at most, and what they may take."""

    each: int
    count: int
    budget: int
    free: int

    @property
    def total(self) -> int:
        """Bytes of all that there are at once, as far as the budget lets them."""
        return min(self.each * self.count, self.budget)


@dataclass(frozen=True)
class Plan:
    """What a study will take.

    `trial` has a trial's seconds where `run` would train it, by role, the same roles as `costs`; `ends` says in words
    what a budget of the study file ends early, and `notes` what the estimates do not know.
    """

    study: str
    is_stored: bool
    total: int
    left: int
    steps: int
    longest: int
    evaluations: int
    costs: Mapping[str, Cost]
    trial: Mapping[str, float]
    place: Placed
    pruner: str
    unpruned: Spent
    search: Spent
    confirming: Confirming
    checkpoints: Checkpoints
    ends: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def on_gpu(self) -> bool:
        """Whether it would train on a GPU, where a step has no threads of its own."""
        return any(cost.alone is None for cost in self.costs.values())

    @property
    def memory(self) -> int:
        """Bytes that a training process takes, or a trial on a GPU."""
        return max(cost.memory for cost in self.costs.values())

    @property
    def free(self) -> int | None:
        """Bytes that are free where it trains; None where nobody tells."""
        return min((cost.free for cost in self.costs.values() if cost.free is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """All of it, by name; times are in seconds, sizes in bytes."""
        probes = {
            role: {"step_one_thread": cost.alone, "step": cost.together, "trial": self.trial[role]}
            for role, cost in self.costs.items()
        }
        return {
            "study": self.study,
            "is_stored": self.is_stored,
            "estimated_from_steps": STEPS,
            "trials": {"total": self.total, "left": self.left},
            "trial": {"steps": self.steps, "longest": self.longest, "evaluations": self.evaluations},
            "probes": probes,
            "placement": asdict(self.place),
            "search": {"pruner": self.pruner, "unpruned": asdict(self.unpruned), "pruned": asdict(self.search)},
            "confirmation": {**asdict(self.confirming), "trainings": self.confirming.trainings},
            "memory": {"each": self.memory, "free": self.free},
            "checkpoints": {**asdict(self.checkpoints), "total": self.checkpoints.total},
            "ends": list(self.ends),
            "notes": list(self.notes),
        }
