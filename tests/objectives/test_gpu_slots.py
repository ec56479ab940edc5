"""What the number of slots is measured by leaves nothing behind."""

import math
from collections.abc import Callable
from weakref import ref

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.gpu_slots import probe_step
from autotune.objectives.training.fused.run import FusedRun
from autotune.spaces.configuration import Configuration


@pytest.mark.parametrize("fits", [True, False])
def test_its_trials_are_gone_when_memory_is_given_back(
    objective: Callable[..., PreparedObjective], monkeypatch: pytest.MonkeyPatch, fits: bool
):
    train, runs, left = Cohort.train, set[ref[FusedRun]](), list[int]()

    def trained(self: Cohort, most_steps: int | None = None) -> None:
        runs.update(map(ref, self.runs))
        train(self, most_steps)
        if not fits:
            raise torch.OutOfMemoryError("none left")

    def emptied() -> None:
        left.append(sum(run() is not None for run in runs))

    monkeypatch.setattr(Cohort, "train", trained)
    monkeypatch.setattr(torch.cuda, "empty_cache", emptied)
    found = probe_step(objective(), Configuration(learning_rate=1e-3), torch.device("cpu"), 2)
    assert (found < math.inf) == fits
    assert len(runs) == 2
    assert left == [0]
