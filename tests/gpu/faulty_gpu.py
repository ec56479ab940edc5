"""A trainer whose device fails under it, for worker processes: a recipe's `make`."""

import torch
from autotune.objectives.training.trainer import Trainer
from autotune.search.executors.worker import Note, Recipe, make_trainer

from ..integration.faulty import BAD, faulty_in, first_time


def asserting_once(recipe: Recipe, note: Note) -> Trainer:
    """Reads beyond a table in the second rung of its first life, after which CUDA answers nothing any more."""
    return faulty_in(make_trainer(recipe, note), BAD, lambda steps: steps == 2 and first_time(recipe), _assert)


def _assert() -> None:
    table = torch.zeros(2, device="cuda")
    table[torch.tensor([5], device="cuda")].tolist()
