"""Which auxiliary tasks have a batch in a step.

`all`: every one that is on. Otherwise one, drawn with p_k ∝ n_k^(1/T) from their numbers n_k of training rows, as in
T5 (Raffel et al. 2020, arXiv 1910.10683, section 3.5.2) but for the main task, which is in every step:
`proportional` has T = 1, `uniform` T = ∞, `temperature` the setting's T.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ...spaces.training import TrainingSettings
from ..seeds import generator


@dataclass(frozen=True)
class Draws:
    """The auxiliary task of each step of a trial, and which of its batches it has come to.

    All draws come from one seeded stream in the order of the steps, so that any step can be asked for by itself.
    """

    tasks: tuple[str, ...]
    chosen: torch.Tensor
    """(steps,) int64, the place in `tasks`."""
    turns: torch.Tensor
    """(steps,) int64, how often that task was drawn before: its own batches come one after another."""

    def at(self, step: int) -> tuple[str, int]:
        """The task drawn for a step (from 0), and the number of its batch."""
        return self.tasks[int(self.chosen[step])], int(self.turns[step])


def draw(rows: Mapping[str, int], training: TrainingSettings, steps: int, seed: int) -> Draws:
    """Draw one of the tasks for each step; `rows` has the training rows of every auxiliary that is on."""
    shares = probabilities(rows, training)
    uniform = torch.rand(steps, generator=generator(seed, "sampling"), dtype=torch.float64)
    # The last cumulated share may be rounded to less than 1.
    chosen = torch.bucketize(uniform, shares.cumsum(0), right=True).clamp_(max=len(rows) - 1)
    among = torch.nn.functional.one_hot(chosen, len(rows)).cumsum(0)
    return Draws(tuple(rows), chosen, among.gather(1, chosen.unsqueeze(1)).squeeze(1) - 1)


def probabilities(rows: Mapping[str, int], training: TrainingSettings) -> torch.Tensor:
    """(tasks,) fp64 that sum to 1."""
    temperatures = {"proportional": 1.0, "uniform": math.inf, "temperature": training.temperature}
    weights = torch.tensor(list(rows.values()), dtype=torch.float64) ** (1 / temperatures[training.sampling])
    return weights / weights.sum()
