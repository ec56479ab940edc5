"""Measuring a model on held-out rows."""

from collections.abc import Callable, Iterator, Sequence

import torch

from ...spaces.errors import Diverged
from ...spaces.training import Precision
from ..data.targets import pad_together
from ..multi_task.model import MultiTaskModel
from ..prepared import PreparedObjective, TaskRows
from ..seeds import generator
from ..settings import COSTS
from ..tasks.batch import Batch
from .cost import inference_cost
from .device import autocast
from .mixing import gathered

_ROWS = 64
"""Rows of one forward pass: no gradients are kept, so more fit than in training."""


def evaluation(
    model: MultiTaskModel, prepared: PreparedObjective, device: torch.device, precision: Precision
) -> dict[str, float]:
    """What a study wants to know of a model: the main task's metrics by their names, and its further objectives.

    Those of measured auxiliaries are `<task>.<metric>`, those of inference `cost.gflops` and `cost.parameters`.

    Raises:
        Diverged: a prediction is not finite.
    """
    metrics = measured(lambda rows: predict(model, rows, prepared, device, precision), prepared)
    if set(COSTS) & set(prepared.settings.objectives):
        metrics |= inference_cost(model, prepared, device)
    return metrics


def measured(predict: Callable[[TaskRows], torch.Tensor], prepared: PreparedObjective) -> dict[str, float]:
    """The metrics of what is predicted for the main task's held-out rows and for those of measured auxiliaries.

    Raises:
        Diverged: a prediction is not finite.
    """
    metrics = _measured(predict(prepared.validation), prepared.validation, prepared)
    for name in prepared.settings.measured_tasks:
        rows = prepared.validations[name]
        metrics |= {f"{name}.{key}": value for key, value in _measured(predict(rows), rows, prepared).items()}
    return metrics


def evaluate(
    model: MultiTaskModel, rows: TaskRows, prepared: PreparedObjective, device: torch.device, precision: Precision
) -> dict[str, float]:
    """Every metric of the task over all its rows.

    Raises:
        Diverged: a prediction is not finite.
    """
    return _measured(predict(model, rows, prepared, device, precision), rows, prepared)


def _measured(predictions: torch.Tensor, rows: TaskRows, prepared: PreparedObjective) -> dict[str, float]:
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
    with torch.inference_mode(), autocast(device, precision):
        parts = [model.predict(rows.task, batch).cpu() for batch in held_out(rows, prepared, device)]
    return in_order(parts, rows)


def held_out(rows: TaskRows, prepared: PreparedObjective, device: torch.device) -> Iterator[Batch]:
    """The batches in which rows are predicted, short ones first."""
    for place, chosen in enumerate(rows.tokens.lengths.argsort(stable=True).split(_ROWS)):
        batch = gathered(rows, chosen, prepared.pad, fixed_shapes=device.type == "cuda")
        random = generator(prepared.seed, "evaluate", rows.task.name, place)
        yield rows.task.prepare(batch, prepared.codes, random).to(device)


def in_order(parts: Sequence[torch.Tensor], rows: TaskRows) -> torch.Tensor:
    """The predictions of all those batches, in the order of the rows."""
    return pad_together(parts)[rows.tokens.lengths.argsort(stable=True).argsort()]
