"""Multi-label classification: any number of labels for a text, each on its own. The head is transformers' own."""

import math
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn import metrics as scores
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.table import Table
from ..data.targets import Targets
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .batch import Batch, Examples, TextCodes
from .kinds import MultiLabelSettings
from .label_sets import from_columns, from_places, places
from .labels import check_known, label_names, named
from .opening import Opening
from .task import TextTask

_NONE: Any = 0
"""F1 of a label that nobody has or guesses. The stubs of scikit-learn know this argument's texts only."""
_SEPARATORS = "|;,/"
"""What may stand between labels where it is not the separator that is set."""
_VECTOR = 32
"""Numbers that torch computes at once on a CPU, or a multiple of that."""
_SEVERAL = 3
"""Cells with another separator from which on it is told of: one or two may be labels with a comma in them."""


class MultiLabel(TextTask[MultiLabelSettings]):
    """Targets: (rows, labels) float32, 1 where the row has the label. A row may have none.

    `labels` are sorted; those with a column or a place of their own come in its order.
    """

    kind: ClassVar[str] = "multi_label"
    fuses: ClassVar[bool] = True
    mixes: ClassVar[bool] = True

    places: int = 0
    """How many labels have a place in each row's list; 0: lists name a row's labels."""

    def answers(self, table: Table) -> Sequence[str]:
        return [self.settings.separator.join(sorted(labels)) for labels in self._rows(table)]

    def label_column(self) -> tuple[str, str | None] | None:
        column = self.settings.labels
        return (column, self.settings.separator) if isinstance(column, str) else None

    def label_sets(self, table: Table) -> Sequence[Collection[str]]:
        return self._rows(table)

    def fitted(self, table: Table) -> Self:
        """Learn the label set.

        Raises:
            DataError: no row has a label.
        """
        rows, column = self._rows(table), self.settings.labels
        found = set[str]().union(*rows)
        if not found:
            where = f"column {column!r} is empty" if isinstance(column, str) else f"columns {named(column)} say no"
            raise DataError(f"{table.source}: task {self.name!r}: {where}: no row has a label")
        if not isinstance(column, str):
            return self.with_labels(column)
        count = places(table.items(column, self.settings.separator))
        task = self.with_labels([str(place) for place in range(count)] if count else sorted(found))
        task.places = count
        return task

    def _rows(self, table: Table) -> list[set[str]]:
        column = self.settings.labels
        if not isinstance(column, str):
            return from_columns(table, column, self.name)
        items = table.items(column, self.settings.separator)
        if count := self.places if self.labels else places(items):
            return from_places(table, items, count, self.name)
        return [{label.strip() for label in labels} - {""} for labels in items]

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        table, found = super().vetted(table, training=training)
        return table, [*found, *self._mostly_empty(table), *self._other_separator(table)] if training else found

    def _mostly_empty(self, table: Table) -> list[Finding]:
        """A finding where most cells of training rows are empty: that may mean "unknown", and is read as "none"."""
        column = self.settings.labels
        cells = table.columns.get(column, ()) if isinstance(column, str) else ()
        empty = [table.where(row) for row, cell in enumerate(cells) if not cell.strip()]
        if 2 * len(empty) <= len(cells):
            return []
        what = f"empty cell of column {column!r}, read as a row that has none of the labels (task {self.name!r})"
        return [Finding.of(what, empty, "noted")]

    def _other_separator(self, table: Table) -> list[Finding]:
        """A finding where the labels of training rows seem to have another separator between them than the one set."""
        column, own = self.settings.labels, self.settings.separator
        cells = table.columns.get(column, ()) if isinstance(column, str) else ()
        holding = {other: [cell for cell in cells if other in cell] for other in _SEPARATORS}
        other = max(_SEPARATORS, key=lambda separator: len(holding[separator]))
        if any(own in cell for cell in cells) or len(holding[other]) < _SEVERAL:
            return []
        what = f"no row of column {column!r} holds the separator {own!r} (tasks.{self.name}.separator), but some hold "
        return [Finding.of(what + repr(other), holding[other], "noted")]

    def targets(self, table: Table) -> torch.Tensor:
        place = {label: i for i, label in enumerate(self.labels)}
        rows = self._rows(table)
        check_known(rows, self.labels, table, self.name)
        found = torch.zeros(len(table), len(place))
        for row, labels in enumerate(rows):
            found[row, [place[label] for label in labels]] = 1
        return found

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """Log 2: the binary cross-entropy of "perhaps", the mean over the labels."""
        return math.log(2)

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        return encoder.build(
            AutoModelForSequenceClassification,
            **label_names(self.labels),
            problem_type="multi_label_classification",
        )

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening("AutoModelForSequenceClassification", "text-classification", "top_k=None, truncation=True")

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Binary cross-entropy, the mean over rows and labels."""
        logits = self.predict(head, encoded, batch)
        # The last numbers, too few for the processor's vectors, would be rounded otherwise: those of one trial of many.
        spare = (0, -logits.shape[1] % _VECTOR)

        def losses(targets: torch.Tensor) -> torch.Tensor:
            padded = functional.pad(logits, spare), functional.pad(targets, spare)
            terms = functional.binary_cross_entropy_with_logits(*padded, reduction="none")
            return terms[:, : logits.shape[1]].mean(1)

        return batch.blended(losses)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """At the usual threshold of 1/2; `f1` counts every label of every row alike (micro), `macro_f1` every label.

        `average_precision` is the mean over the labels that some row has.
        """
        assert isinstance(targets, torch.Tensor)
        truth, probabilities = targets.numpy().astype(int), predictions.double().sigmoid().numpy()
        guess = (probabilities > 0.5).astype(int)
        present = truth.any(axis=0)
        ranked = [scores.average_precision_score(truth[:, k], probabilities[:, k]) for k in np.flatnonzero(present)]
        losses = functional.binary_cross_entropy_with_logits(predictions.double(), targets.double())
        # scikit-learn takes a single column for two classes, and counts rows without the label as found, too.
        micro, macro = ("micro", "macro") if truth.shape[1] > 1 else ("binary", "binary")
        return {
            "f1": float(scores.f1_score(truth, guess, average=micro, zero_division=_NONE)),
            "macro_f1": float(scores.f1_score(truth, guess, average=macro, zero_division=_NONE)),
            "exact_match": float(np.mean((truth == guess).all(axis=1))),
            "average_precision": float(np.mean(ranked)) if ranked else 0.0,
            "log_loss": float(losses),
        }
