"""The contract of a loss weighting: how the losses of one step become gradients.

The searched ratios come first: a weighting is given the *scaled* losses α·L_main and β_k·L_k (of normalised
losses) and balances these. With a ratio of 1 for every task it is the method as its paper has it.

    backward(step, passes)      leave the gradients of one step in the parameters' `.grad`

Rules that every method keeps (tests/objectives/test_weighting.py):
- What it does follows from (seed, step), the losses, and its own state. The state is all in parameters and buffers:
  a checkpoint carries them, so that a trial goes on to the bit. Parameters are trained along with the model's.
- It asks for one pass after another, and is done with one (its activations are freed) before it asks for the next.
- A task may have no batch in a step, and then has no loss in its passes.
- Losses that are balanced already give the gradients of their plain sum, so that clipping means the same for all.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

Passes = Iterator[Mapping[str, torch.Tensor]]
"""The scaled losses (scalars, by task) of each pass of a step; asking for the next one computes it."""


@dataclass(frozen=True)
class Setup:
    """What a weighting is made from."""

    tasks: Sequence[str]
    """The tasks that are on, the main one first."""
    seed: int
    steps_per_epoch: int
    shared: Sequence[nn.Parameter]
    """The encoder's parameters that train."""


class Weighting(nn.Module, ABC):
    """One way to turn losses into gradients. See the module's text for the contract."""

    separate: ClassVar[bool] = False
    """Whether each task needs a pass of its own, even where two tasks could share one."""
    splits: ClassVar[bool] = False
    """Whether a batch may come in parts: their scaled losses sum up to the whole one's, and so do the gradients."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.setup = setup

    @abstractmethod
    def backward(self, step: int, passes: Passes) -> None:
        """Add the gradients of one step (from 0) to the `.grad` of all parameters."""


class LossWeighting(Weighting):
    """A weighting that needs the losses alone: it sums what it makes of them."""

    def backward(self, step: int, passes: Passes) -> None:
        for losses in passes:
            self.total(step, losses).backward()

    @abstractmethod
    def total(self, step: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The part of a step's loss that comes from the tasks of one pass: a scalar."""

    def weighted(self, weights: torch.Tensor, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Sum of the losses, each times its task's weight; `weights` (tasks,) are for all tasks that are on."""
        return (weights[self.places(losses)] * torch.stack(list(losses.values()))).sum()

    def places(self, losses: Mapping[str, torch.Tensor]) -> list[int]:
        """Where the tasks of a pass stand among all that are on."""
        return [self.setup.tasks.index(name) for name in losses]
