"""What only a GPU can show. Everything here is skipped where there is none; `make test-gpu` runs nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective

TASKS = {
    "sentiment": {"kind": "classification"},
    "aspect": {"kind": "classification", "label": "aspect"},
    "words": {"kind": "masked_lm"},
    "tags": {"kind": "token_classification", "tokens": "text"},
    "labels": {"kind": "multi_label"},
    "stars": {"kind": "regression", "label": "stars"},
}
"""Every kind that trains as one program."""
AUGMENTATION = {"operations": ["noise", "reverse", "mixup", "cutoff"], "magnitude": [0.1, 0.3], "levels": 2}


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
