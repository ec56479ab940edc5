"""The recipe of a trainer whose device fails under it, for worker processes."""

import torch
from autotune.objectives.training.trainer import Trainer
from autotune.search.executors.worker import Note, Recipe

from ..integration.faulty import BAD, faulty_in, first_time


class AssertingOnce(Recipe):
    """Reads beyond a table in the second rung of its first life, after which CUDA answers nothing any more."""

    def make(self, note: Note) -> Trainer:
        return faulty_in(super().make(note), BAD, lambda steps: steps == 2 and first_time(self), _assert)


def _assert() -> None:
    table = torch.zeros(2, device="cuda")
    table[torch.tensor([5], device="cuda")].tolist()
