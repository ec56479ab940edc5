"""Within a rung nothing is asked of the device, which on a GPU would be waited for."""

from collections.abc import Callable, Sequence

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.row_adamw import RowAdamW
from autotune.objectives.training.fused.run import FusedRun
from autotune.spaces.configuration import Configuration, Mix

META = torch.device("meta")
"""Tensors that have shapes and no values: whoever asks for a value, or for a shape that follows from one, fails."""
TASKS = {
    "sentiment": {"kind": "classification"},
    "words": {"kind": "masked_lm"},
    "tags": {"kind": "token_classification", "tokens": "text"},
    "labels": {"kind": "multi_label"},
    "stars": {"kind": "regression", "label": "stars"},
}


def trials(operations: Sequence[str]) -> list[Configuration]:
    ratios = {name: 0.5 for name in TASKS if name != "sentiment"}
    return [
        Configuration(
            learning_rate=1e-3,
            ratios=ratios,
            mix=Mix(operations={operation: 0.5}, magnitude=0.3),
            training={"dropout": 0.0},  # its draws need a device's own generator
        )
        for operation in operations
    ]


@pytest.mark.slow
def test_a_rung_waits_for_the_device_at_its_end_only(
    objective: Callable[..., PreparedObjective], monkeypatch: pytest.MonkeyPatch
):
    # The optimizer is torch's own; it has no kernel for tensors without values.
    monkeypatch.setattr(RowAdamW, "__init__", no_optimizer)
    monkeypatch.setattr(RowAdamW, "attach", lambda *_: None)
    monkeypatch.setattr(RowAdamW, "detach", lambda *_: None)
    steps: list[torch.Tensor] = []
    monkeypatch.setattr(RowAdamW, "step", lambda _, __, skip: steps.append(skip))
    augmentation = {"operations": ["noise", "mixup", "cutoff"], "magnitude": [0.1, 0.3], "levels": 2}
    prepared = objective(tasks=TASKS, augmentation=augmentation)
    runs = [FusedRun(i, trial, prepared, META) for i, trial in enumerate(trials(["noise", "mixup", "cutoff"]))]
    cohort = Cohort(FusedModel(runs[0].shaped().to(META), 0), runs, prepared, META)
    # What is asked for then is whether the gradients were finite.
    with pytest.raises(NotImplementedError, match="meta"):
        cohort.train()
    assert [run.step for run in runs] == [runs[0].rung] * 3
    assert len(steps) == 3 * runs[0].rung > 0


def no_optimizer(self: RowAdamW, row: torch.Tensor, *_: object) -> None:
    self.row = row
