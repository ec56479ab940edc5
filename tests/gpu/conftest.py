"""What only a GPU can show. Everything here is skipped where there is none; `make test-gpu` runs nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective

from ..objectives.trained import AUGMENTATION, TASKS


@pytest.fixture(autouse=True)
def gpu() -> torch.device:
    """The first GPU; skips where there is none."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU: torch sees no CUDA device")
    return torch.device("cuda", 0)


@pytest.fixture
def prepared(objective: Callable[..., PreparedObjective]) -> Callable[..., PreparedObjective]:
    """A small objective of all these tasks, with augmentation; `training` replaces settings."""

    def make(**training: object) -> PreparedObjective:
        settings = {"evaluations_per_epoch": 1, "dropout": 0.0, **training}
        return objective(tasks=TASKS, augmentation=AUGMENTATION, training=settings)

    return make


@pytest.fixture
def folder(reviews_csv: Path) -> Path:
    """A folder with the small reviews."""
    return reviews_csv.parent
