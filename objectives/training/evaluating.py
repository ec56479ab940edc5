"""Measuring a model on held-out rows."""

from typing import Literal

import torch

from ...spaces.errors import Diverged
from ..models.multi_task import MultiTaskModel
from ..prepare import TaskRows
from .device import autocast
from .mixing import gathered

_ROWS = 64
"""Rows of one forward pass: no gradients are kept, so more fit than in training."""


def evaluate(
    model: MultiTaskModel, rows: TaskRows, pad: int, device: torch.device, precision: Literal["auto", "fp32", "bf16"]
) -> dict[str, float]:
    """Every metric of the task over all its rows.

    Raises:
        Diverged: a prediction is not finite.
    """
    predictions = predict(model, rows, pad, device, precision)
    if not predictions.isfinite().all():
        raise Diverged("a prediction is not finite")
    return rows.task.measure(predictions, rows.targets)


def predict(
    model: MultiTaskModel, rows: TaskRows, pad: int, device: torch.device, precision: Literal["auto", "fp32", "bf16"]
) -> torch.Tensor:
    """What the task predicts for each row, in the rows' order, on the CPU."""
    model.eval()
    order = rows.tokens.lengths.argsort(stable=True)
    parts: list[torch.Tensor] = []
    with torch.inference_mode(), autocast(device, precision):
        for chosen in order.split(_ROWS):
            batch = gathered(rows, chosen, pad, fixed_shapes=device.type == "cuda").to(device)
            parts.append(model.predict(rows.task, batch).cpu())
    return torch.cat(parts)[order.argsort()]
