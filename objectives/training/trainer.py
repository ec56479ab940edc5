"""The contract of everything that trains: one plain model, or forty fused.

A trainer holds up to `capacity` trials, each in its own slot. It is driven from outside and
decides nothing: the caller decides whether a trial continues after an evaluation.

    admit(trial_id, configuration, checkpoint=None)    put a trial into a free slot
    advance() -> list[Evaluation]                       train until some slot reaches a rung or its end
    checkpoint(trial_id) -> Checkpoint | None           copy its state; it stays in its slot
    evict(trial_id) -> Checkpoint | None                take a trial out, to resume later or elsewhere
    discard(trial_id)                                   take a trial out for good: pruned, finished, failed
    abandon(trial_id)                                   take a trial out as it stands: its checkpoint on disk stays

Rules that every implementation keeps (tests/conformance/test_trainers.py):
- A trial's evaluations depend on its configuration and the seed alone: not on its slot, not on its
  neighbours, not on how often it was evicted and admitted again from its checkpoint.
- Evaluations of a trial come at the rungs, in order; the last one has `finished` set. A trial that runs out of
  patience (early stopping) ends before its last rung.
- A failure of a trial (NaN, out of memory) is an Evaluation with `failure` set, for that trial
  alone; the others continue. The caller still evicts it.
- Evicting frees the slot at once. Unknown trials, a full trainer and a trial admitted twice raise
  ValueError: these are mistakes of the caller, not of the user.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from ...spaces.configuration import Configuration
from .failure import Failure
from .patience import Patience

T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """The main task's validation metrics of one trial at one step."""

    trial_id: int
    step: int
    """Main-task optimizer steps done."""
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    finished: bool = False
    failure: Failure | None = None
    losses: Mapping[str, float] = field(default_factory=dict[str, float])
    """Mean normalised training loss of each task since the last evaluation; 1 is know-nothing.

    A sampled task that had no batch meanwhile is not among them."""
    seconds: float = 0.0
    """Time spent on this trial since its last evaluation, its neighbours' apart."""


@dataclass
class Checkpoint:
    """All that a trial needs to go on where it stopped, on any trainer. Tensors live on the CPU."""

    configuration: Configuration
    step: int
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    random_state: dict[str, torch.Tensor]
    """The generators' states, by device type."""
    weighting: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    """What the loss weighting has learnt or counted."""
    patience: Patience = field(default_factory=Patience)
    losses: dict[str, torch.Tensor] = field(default_factory=dict[str, torch.Tensor])
    """By task, since the last evaluation: the sum of its losses, their number, and the step that they began at."""
    told: Sequence[Evaluation] = ()
    """The evaluations up to here, where whoever made the checkpoint kept them."""


def check_slot(trial_id: int, taken: Collection[int], capacity: int) -> None:
    """Check that a trial may be admitted beside those that have a slot.

    Raises:
        ValueError: it has one already, or none is free.
    """
    if trial_id in taken:
        raise ValueError(f"trial {trial_id} is in a slot already")
    if len(taken) >= capacity:
        raise ValueError(f"all {capacity} slots are taken")


def check_capacity(capacity: int) -> None:
    """ValueError: a trainer has no slot."""
    if capacity < 1:
        raise ValueError(f"a trainer has at least one slot, not {capacity}")


def in_slot(trial_id: int, slots: Mapping[int, T]) -> T:
    """What a trial's slot holds. ValueError: it is in none."""
    if trial_id not in slots:
        raise ValueError(f"trial {trial_id} is in no slot")
    return slots[trial_id]


class Trainer(ABC):
    """Trains one or many trials. See the module's text for the contract."""

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many trials fit at once (slots)."""

    @abstractmethod
    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        """Put a trial into a free slot, from the start or from a checkpoint.

        With `parts` > 1 each batch is trained in so many parts whose gradients add up, for less memory at a time.
        """

    @abstractmethod
    def upcoming(self) -> list[int]:
        """The trials that the next `advance` trains: whom to blame if it never comes back."""

    @abstractmethod
    def advance(self) -> list[Evaluation]:
        """Train until some slot reaches its next rung or its end; the empty list if no slot is taken."""

    @abstractmethod
    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        """The state of a trial, finished ones too; None if it failed or has not begun."""

    @abstractmethod
    def evict(self, trial_id: int) -> Checkpoint | None:
        """Take a trial out of its slot; None if it ended or has nothing to resume."""

    def discard(self, trial_id: int) -> None:
        """Take a trial out of its slot for good; what it holds is let go."""
        self.evict(trial_id)

    def abandon(self, trial_id: int) -> None:
        """Take a trial out of its slot as it is, be it in the middle of a step; what is on disk of it stays."""
        self.discard(trial_id)
