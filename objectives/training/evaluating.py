"""Measuring a model on held-out rows."""

from typing import Literal

import torch

from ...spaces.errors import Diverged
from ..data.targets import pad_together
from ..models.multi_task import MultiTaskModel
from ..prepare import PreparedObjective, TaskRows
from ..seeds import generator
from ..settings import COSTS
from .cost import inference_cost
from .device import autocast
from .mixing import gathered

_ROWS = 64
"""Rows of one forward pass: no gradients are kept, so more fit than in training."""

Precision = Literal["auto", "fp32", "bf16"]


def evaluation(
    model: MultiTaskModel, prepared: PreparedObjective, device: torch.device, precision: Precision
) -> dict[str, float]:
    """What a study wants to know of a model: the main task's metrics by their names, and its further objectives.

    Those of measured auxiliaries are `<task>.<metric>`, those of inference `cost.gflops` and `cost.parameters`.

    Raises:
        Diverged: a prediction is not finite.
    """
    metrics = evaluate(model, prepared.validation, prepared, device, precision)
    for name in prepared.settings.measured_tasks:
        found = evaluate(model, prepared.validations[name], prepared, device, precision)
        metrics |= {f"{name}.{metric}": value for metric, value in found.items()}
    if set(COSTS) & set(prepared.settings.objectives):
        metrics |= inference_cost(model, prepared, device)
    return metrics


def evaluate(
    model: MultiTaskModel, rows: TaskRows, prepared: PreparedObjective, device: torch.device, precision: Precision
) -> dict[str, float]:
    """Every metric of the task over all its rows.

    Raises:
        Diverged: a prediction is not finite.
    """
    predictions = predict(model, rows, prepared, device, precision)
    if not predictions.isfinite().all():
        raise Diverged("a prediction is not finite")
    return rows.task.measure(predictions, rows.targets, prepared.codes)


def predict(
    model: MultiTaskModel, rows: TaskRows, prepared: PreparedObjective, device: torch.device, precision: Precision
) -> torch.Tensor:
    """What the task predicts for each row, in the rows' order, on the CPU.

    What a task hides of its rows (masking) is the same in every evaluation of a study.
    """
    model.eval()
    order = rows.tokens.lengths.argsort(stable=True)
    parts: list[torch.Tensor] = []
    with torch.inference_mode(), autocast(device, precision):
        for place, chosen in enumerate(order.split(_ROWS)):
            batch = gathered(rows, chosen, prepared.pad, fixed_shapes=device.type == "cuda")
            batch = rows.task.prepare(
                batch, prepared.codes, generator(prepared.seed, "evaluate", rows.task.name, place)
            )
            parts.append(model.predict(rows.task, batch.to(device)).cpu())
    return pad_together(parts)[order.argsort()]
