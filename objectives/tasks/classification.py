"""Classification: one label of several for a text or a pair of texts. The head is transformers' own."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ...spaces.errors import DataError
from ..data.row import Row
from ..data.table import Table
from ..data.targets import Targets
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from . import confusion
from .batch import Batch, Examples, TextCodes
from .kinds import ClassificationSettings
from .labels import check_classes, check_known, label_names
from .opening import Opening
from .task import TextTask


class Classification(TextTask[ClassificationSettings]):
    """Targets: (rows,) int64, the label's place in `labels`, which are sorted."""

    kind: ClassVar[str] = "classification"
    fuses: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    @property
    def has_label(self) -> bool:
        return self.settings.text_pair is None

    def answers(self, table: Table) -> Sequence[str]:
        return table.column(self.settings.label)

    def strata(self, table: Table) -> Sequence[str]:
        return table.column(self.settings.label)

    def label_column(self) -> tuple[str, str | None]:
        return self.settings.label, None

    def label_sets(self, table: Table) -> Sequence[Collection[str]]:
        return [[label] for label in table.column(self.settings.label)]

    def fitted(self, table: Table) -> Self:
        """Learn the label set.

        Raises:
            DataError: no label, fewer than two classes, or a class with one row.
        """
        column = self.settings.label
        counts = Counter(label for label in table.column(column) if label.strip())
        if not counts:
            raise DataError(f"{table.source}: task {self.name!r}: column {column!r} is empty in every row")
        check_classes(counts, table, self.name, column)
        return self.with_labels(sorted(counts))

    def unlabelled(self, table: Table) -> Sequence[int]:
        return [row for row, label in enumerate(table.column(self.settings.label)) if not label.strip()]

    def targets(self, table: Table) -> torch.Tensor:
        place = {label: i for i, label in enumerate(self.labels)}
        column = table.column(self.settings.label)
        check_known(([label] for label in column), self.labels, table, self.name)
        return torch.tensor([place[label] for label in column], dtype=torch.int64)

    def rows(self, table: Table) -> list[Row]:
        labels = table.column(self.settings.label)
        return [replace(row, label=label) for row, label in zip(super().rows(table), labels, strict=True)]

    def variants(
        self, table: Table, originals: Examples, rows: Mapping[int, Row], encoder: EncoderSource, max_length: int
    ) -> Examples:
        """The labels are those of the rewritten rows."""
        place = {label: i for i, label in enumerate(self.labels)}
        targets = torch.tensor([place[str(row.label)] for row in rows.values()], dtype=torch.int64)
        return replace(super().variants(table, originals, rows, encoder, max_length), targets=targets)

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """Log C: the cross-entropy of the uniform guess among C classes."""
        return math.log(len(self.labels))

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        return encoder.build(
            AutoModelForSequenceClassification,
            **label_names(self.labels),
            problem_type="single_label_classification",
        )

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening("AutoModelForSequenceClassification", "text-classification", "truncation=True")

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Cross-entropy."""
        logits = self.predict(head, encoded, batch)
        return batch.blended(lambda targets: functional.cross_entropy(logits, targets, reduction="none"))

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        assert isinstance(targets, torch.Tensor)
        likely = predictions.double().softmax(1).numpy()
        truth, guess = targets.numpy(), predictions.argmax(1).numpy()
        counts = confusion.count(truth, guess, len(self.labels))
        least = np.finfo(likely.dtype).eps
        return {
            "accuracy": confusion.accuracy(counts),
            "balanced_accuracy": confusion.balanced_accuracy(counts),
            "f1": confusion.macro_f1(counts),
            "mcc": confusion.matthews(counts),
            "log_loss": float(-np.log(likely[np.arange(len(truth)), truth].clip(least, 1 - least)).mean()),
        }
