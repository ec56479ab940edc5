"""Classification: one label of several for a text. The head is transformers' own for the backbone."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from sklearn import metrics as scores
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ...spaces.errors import DataError
from ..data.loading import Table
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .task import BaseTaskSettings, Batch, Direction, Task, TextCodes


class ClassificationSettings(BaseTaskSettings):
    """One label of several for a text."""

    kind: Literal["classification"]
    label: str = Field(default="label", description="column with the label")


class Classification(Task[ClassificationSettings]):
    """Targets: (rows,) int64, the label's place in `labels`, which are sorted."""

    kind: ClassVar[str] = "classification"
    settings_type: ClassVar = ClassificationSettings
    mixes: ClassVar[bool] = True
    metrics: ClassVar[Mapping[str, Direction]] = {
        "accuracy": "maximize",
        "balanced_accuracy": "maximize",
        "f1": "maximize",
        "mcc": "maximize",
        "log_loss": "minimize",
    }

    labels: Sequence[str] = ()

    @property
    def columns(self) -> Sequence[str]:
        return [self.settings.text, self.settings.label]

    @property
    def label_column(self) -> str:
        return self.settings.label

    def fitted(self, table: Table) -> Self:
        """Learn the label set.

        Raises:
            DataError: an empty label, fewer than two classes, or a class with one row.
        """
        column = table.column(self.settings.label)
        for row, label in enumerate(column):
            if not label.strip():
                raise DataError(f"{table.where(row)}: task {self.name!r}: the label is empty")
        counts = Counter(column)
        if len(counts) < 2:
            raise DataError(
                f"{table.source}: task {self.name!r}: column {self.settings.label!r} has one class only "
                f"({', '.join(map(repr, counts)) or 'no rows'}); a classification needs two or more"
            )
        if single := sorted(label for label, count in counts.items() if count == 1):
            names = ", ".join(map(repr, single[:5])) + (f" and {len(single) - 5} more" if len(single) > 5 else "")
            raise DataError(
                f"{table.source}: task {self.name!r}: class {names} has one row only; each class needs two or more"
            )
        return self.with_labels(sorted(counts))

    def with_labels(self, labels: Sequence[str]) -> Self:
        """The task with a label set that is known already."""
        task = type(self)(self.name, self.settings)
        task.labels = tuple(labels)
        return task

    def targets(self, table: Table) -> torch.Tensor:
        place = {label: i for i, label in enumerate(self.labels)}
        column = table.column(self.settings.label)
        for row, label in enumerate(column):
            if label not in place:
                known = ", ".join(map(repr, self.labels[:10])) + (" …" if len(self.labels) > 10 else "")
                where = f"{table.where(row)}: task {self.name!r}"
                raise DataError(f"{where}: label {label!r} is not among the training labels ({known})")
        return torch.tensor([place[label] for label in column], dtype=torch.int64)

    def normaliser(self, codes: TextCodes) -> float:
        """Log C: the cross-entropy of the uniform guess among C classes."""
        return math.log(len(self.labels))

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        names = dict(enumerate(self.labels))
        return encoder.build(
            AutoModelForSequenceClassification,
            num_labels=len(names),
            id2label=names,
            label2id={label: place for place, label in names.items()},
            problem_type="single_label_classification",
        )

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Cross-entropy; under mixup that of the blended one-hot labels (Zhang et al. 2018)."""
        logits = self.predict(head, encoded, batch)
        own = functional.cross_entropy(logits, batch.targets, reduction="none")
        if batch.keep is None or batch.partner is None:
            return own.mean()
        other = functional.cross_entropy(logits, batch.targets[batch.partner], reduction="none")
        return (batch.keep * own + (1 - batch.keep) * other).mean()

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Logits (rows, classes) in fp32."""
        return head(encoded, attention_mask=batch.mask).float()

    def measure(self, predictions: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        probabilities = predictions.double().softmax(1).numpy()
        truth, guess = targets.numpy(), predictions.argmax(1).numpy()
        # A class that validation lacks has no recall, even where it is guessed.
        present = np.unique(truth)
        return {
            "accuracy": float(scores.accuracy_score(truth, guess)),
            "balanced_accuracy": float(scores.recall_score(truth, guess, labels=present, average="macro")),
            "f1": float(scores.f1_score(truth, guess, average="macro")),
            "mcc": float(scores.matthews_corrcoef(truth, guess)),
            "log_loss": float(scores.log_loss(truth, probabilities, labels=np.arange(len(self.labels)))),
        }
