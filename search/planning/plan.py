"""A plan as values: the cost of a study, estimated from a few steps."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .costs import STEPS
from .pace import Pace, Spent


@dataclass(frozen=True)
class Confirming:
    """The confirmation: at most so many trainings, and what they take.

    `is_asked` tells whether `run` does it by itself. `arms` are trained on every seed, as are the `variants` of the
    winner; `tested` are trainings that meet the test data.
    """

    is_asked: bool
    candidates: int
    seeds: int
    arms: int
    variants: int
    tested: int
    spent: Spent

    @property
    def trainings(self) -> int:
        """All of them."""
        return (self.arms + self.variants) * self.seeds + self.tested


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

    `said` is what `run` would say of where it trains; `ends` says in words what a budget of the study file ends early,
    and `notes` what the estimates do not know.
    """

    study: str
    is_stored: bool
    total: int
    left: int
    pace: Pace
    said: Sequence[str]
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
        return any(cost.alone is None for cost in self.pace.costs.values())

    @property
    def held(self) -> int:
        """Trials that one process, or one GPU, holds at once."""
        return max(min(self.pace.choice.slots, self.left), 1)

    @property
    def memory(self) -> int:
        """Bytes that a training process takes with all the trials that it holds; on a GPU those of the trials."""
        return max(cost.memory_of(self.held) for cost in self.pace.costs.values())

    @property
    def free(self) -> int | None:
        """Bytes that are free where it trains; None where nobody tells."""
        return min((cost.free for cost in self.pace.costs.values() if cost.free is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """All of it, by name; times are in seconds, sizes in bytes."""
        own, choice = self.pace.lengths.own, self.pace.choice
        probes = {
            role: {"step_one_thread": cost.alone, "step": cost.together, "trial": self.pace.trial(role)}
            for role, cost in self.pace.costs.items()
        }
        where = {
            "executor": choice.executor.value,
            "places": [place.name for place in choice.places],
            "slots": choice.slots,
            "said": list(self.said),
        }
        return {
            "study": self.study,
            "is_stored": self.is_stored,
            "estimated_from_steps": STEPS,
            "trials": {"total": self.total, "left": self.left},
            "trial": {
                "steps": own.steps,
                "longest": self.pace.lengths.longest.steps,
                "evaluations": own.evaluations,
            },
            "probes": probes,
            "placement": where,
            "search": {"pruner": self.pruner, "unpruned": asdict(self.unpruned), "pruned": asdict(self.search)},
            "confirmation": {**asdict(self.confirming), "trainings": self.confirming.trainings},
            "memory": {"each": self.memory, "trials": self.held, "free": self.free},
            "checkpoints": {**asdict(self.checkpoints), "total": self.checkpoints.total},
            "ends": list(self.ends),
            "notes": list(self.notes),
        }
