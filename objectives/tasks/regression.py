"""Regression: a number for a text or a pair of texts. The head is transformers' own for the backbone."""

import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import torch
from scipy import stats
from sklearn import metrics as scores
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ...spaces.errors import DataError
from ..data.table import Table
from ..data.targets import Targets
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .batch import Batch, Examples, TextCodes
from .kinds import RegressionSettings
from .labels import MISSING
from .opening import Opening
from .task import TextTask, labelled

_STRATA, _ROWS_OF_STRATUM = 10, 20
"""Parts of equally many rows, by value, that both sides of a split have in the same shares; each fills 20 folds."""
_LARGEST, _SMALLEST = 1e15, 1e-15
"""Of numbers and of their deviation: losses are their squares, which fp32 must hold."""
_STEPS = 100
"""Numbers that fp32 can tell apart within a deviation, at the least."""


class Regression(TextTask[RegressionSettings]):
    """Targets: (rows,) float32, the numbers as they are.

    The head works in standard deviations around the training mean, so that numbers of any size are learnt at the
    usual rates; `predict` gives the label's own unit, and `finish` folds both numbers into the exported layer.
    """

    kind: ClassVar[str] = "regression"
    fuses: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    has_one_answer: ClassVar[bool] = False  # two people measure, two numbers: noise, not a contradiction

    mean: float = 0.0
    deviation: float = 1.0

    def answers(self, table: Table) -> Sequence[str]:
        return [str(value) for value in self.targets(table).tolist()]

    def strata(self, table: Table) -> Sequence[str] | None:
        parts = min(_STRATA, len(table) // _ROWS_OF_STRATUM)
        if parts < 2:
            return None
        ranks = self.targets(table).argsort(stable=True).argsort()  # by rank: parts of ties would differ in size
        return [str(part) for part in (ranks * parts // len(table)).tolist()]

    def fitted(self, table: Table) -> Self:
        """Learn mean and deviation.

        Raises:
            DataError: something else than a number, none at all, or (nearly) the same in all rows.
        """
        table, _ = labelled(table, self.unlabelled(table), self.name)
        where = f"{table.source}: task {self.name!r}: column {self.settings.label!r}"
        if not len(table):
            raise DataError(f"{where} has no number in any row")
        values = self.targets(table).double()
        task = type(self)(self.name, self.settings)
        task.mean, task.deviation = float(values.mean()), float(values.std(correction=0))
        if not task.deviation:
            raise DataError(f"{where} has the same number in all rows")
        found = f"the numbers differ too little ({task.deviation:.3g} around {task.mean:.7g})"
        if task.deviation < _SMALLEST:
            raise DataError(f"{where}: {found}; give them in a smaller unit")
        if task.deviation < _STEPS * abs(task.mean) * torch.finfo(torch.float32).eps:
            raise DataError(f"{where}: {found}, for 32-bit floats; subtract a constant from them")
        return task

    def learnt(self, table: Table) -> Self:
        return self.fitted(table)

    def unlabelled(self, table: Table) -> Sequence[int]:
        column = table.column(self.settings.label)
        return [row for row, text in enumerate(column) if text.strip().lower() in MISSING]

    def targets(self, table: Table) -> torch.Tensor:
        column = table.column(self.settings.label)
        found = [number_of(text) for text in column]
        problems = ((row, _problem(column[row], number)) for row, number in enumerate(found))
        table.refuse(
            (row, f"task {self.name!r}: {self.settings.label} {column[row]!r} {problem}")
            for row, problem in problems
            if problem
        )
        return torch.tensor(found, dtype=torch.float32)

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """The squared error of the mean."""
        assert isinstance(examples.targets, torch.Tensor)
        return float(((examples.targets.double() - self.mean) ** 2).mean())

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        return encoder.build(AutoModelForSequenceClassification, num_labels=1, problem_type="regression")

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening(
            "AutoModelForSequenceClassification", "text-classification", 'function_to_apply="none", truncation=True'
        )

    def finish(self, model: PreTrainedModel, codes: TextCodes) -> None:
        mean, deviation = self._scale(model)
        output = _output(model)
        with torch.no_grad():
            output.weight.mul_(deviation)
            if output.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]
                output.bias.mul_(deviation).add_(mean)

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Squared error in the label's own unit; under mixup against the two rows' numbers."""
        guess = self.predict(head, encoded, batch)
        return batch.blended(lambda targets: (guess - targets) ** 2)

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Numbers (rows,) in fp32, in the label's unit."""
        mean, deviation = self._scale(head)
        return super().predict(head, encoded, batch).squeeze(1) * deviation + mean

    def _scale(self, model: nn.Module) -> tuple[float, float]:
        """Mean and deviation; (0, 1) for a last layer without a bias, which could not export them (GPT-2's)."""
        biased = _output(model).bias is not None  # pyright: ignore[reportUnnecessaryComparison]
        return (self.mean, self.deviation) if biased else (0.0, 1.0)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Correlations of numbers that are all the same are 0."""
        assert isinstance(targets, torch.Tensor)
        truth, guess = targets.double().numpy(), predictions.double().numpy()
        varied = len(truth) > 1 and np.ptp(truth) > 0 and np.ptp(guess) > 0
        return {
            "rmse": float(scores.root_mean_squared_error(truth, guess)),
            "mae": float(scores.mean_absolute_error(truth, guess)),
            "r2": float(scores.r2_score(truth, guess)) if len(truth) > 1 else 0.0,
            "pearson": float(np.corrcoef(truth, guess)[0, 1]) if varied else 0.0,
            "spearman": float(np.corrcoef(stats.rankdata(truth), stats.rankdata(guess))[0, 1]) if varied else 0.0,
        }


def number_of(text: str) -> float:
    """A number as data files write it (Python would read 1_000 too); NaN for what is none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _problem(text: str, number: float) -> str:
    """Why a number cannot be learnt; empty where it can."""
    if not math.isfinite(number):
        how = "; write 3.14 with a point, without separators or units" if any(map(str.isdigit, text)) else ""
        return f"is not a finite number{how}"
    return f"is beyond ±{_LARGEST:g}; give it in a larger unit" if abs(number) > _LARGEST else ""


def _output(model: nn.Module) -> nn.Linear:
    """The layer that gives the number."""
    return [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == 1][-1]
