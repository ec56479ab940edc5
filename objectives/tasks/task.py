"""The contract of a task kind: its rows, head, loss, normaliser and metrics.

A new kind is its settings in kinds.py, one file with a subclass, and one entry in registry.py.
tests/conformance/test_tasks.py runs every kind through the same suite.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Generic, Self, TypeVar

import torch
from transformers import PreTrainedModel

from ..data.cleaning import Finding
from ..data.inputs import Inputs
from ..data.row import Row
from ..data.table import Table, take
from ..data.targets import Targets, take_targets
from ..data.tokens import TokenTable, encode, tokenize
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .batch import Batch, Examples, TextCodes
from .opening import Opening
from .settings import BaseTaskSettings, Direction, TextTaskSettings

S = TypeVar("S", bound=BaseTaskSettings)


class Task(ABC, Generic[S]):
    """One task of a study, bound to its name and settings; knows its labels once it has seen training rows.

    Losses are normalised: divided by the loss of a know-nothing prediction, so that 1 means "has learnt
    nothing yet" for every kind, and a ratio of 1 between two tasks means "as important".
    """

    kind: ClassVar[str]
    mixes: ClassVar[bool] = False
    """Whether mixup can blend its rows."""
    cuts: ClassVar[bool] = True
    """Whether its targets stay true when cutoff hides a part of what is read."""
    rewrites: ClassVar[bool] = True
    """Whether its targets stay true when a row's words are rewritten."""
    fuses: ClassVar[bool] = False
    """Whether its loss is each trial's own where a batch holds the rows of several (StackedBatch)."""
    has_words: ClassVar[bool] = False
    """Whether its rows are words with a target each, which an operation may rewrite one for one."""
    has_one_answer: ClassVar[bool] = True
    """Whether a text that stands there with two answers contradicts itself."""

    labels: Sequence[str] = ()
    """What a fitted task tells apart, in the order of a model's outputs; empty where a kind has no such set."""

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.settings = settings

    @property
    def metrics(self) -> Mapping[str, Direction]:
        """What it can be measured by; the first is the default objective."""
        return self.settings.metrics

    @property
    def has_label(self) -> bool:
        """Whether each row is one text with one label, which an operation may read and change."""
        return False

    @abstractmethod
    def inputs(self, table: Table) -> Inputs:
        """What the encoder reads of each row. DataError where a column is missing."""

    def texts(self, table: Table) -> Sequence[str]:
        """All texts that are read or written, from which a scratch encoder's tokenizer is learnt."""
        return self.inputs(table).texts

    def answers(self, table: Table) -> Sequence[str] | None:
        """Each row's answer as text, by which duplicates and contradictions are found; None: there is none."""
        del table
        return None

    def strata(self, table: Table) -> Sequence[str] | None:
        """The class of each row, for splits with the classes in equal shares; None: rows are drawn at random."""
        del table
        return None

    def label_column(self) -> tuple[str, str | None] | None:
        """The column with labels that may be spelt in several ways, and what stands between two of them (None: one)."""
        return None

    def label_sets(self, table: Table) -> Sequence[Collection[str]] | None:
        """Each row's labels out of a set that the task learns; None where answers are numbers, texts or tags."""
        del table
        return None

    @abstractmethod
    def fitted(self, table: Table) -> Self:
        """The task with its labels learnt from training rows. DataError where they cannot be used."""

    def with_labels(self, labels: Sequence[str]) -> Self:
        """The task with a label set that is known already."""
        task = type(self)(self.name, self.settings)
        task.labels = tuple(labels)
        return task

    def learnt(self, table: Table) -> Self:
        """The fitted task with what only its final training rows may say: numbers, not labels. By default nothing."""
        del table
        return self

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        """The rows that a fitted task can use, repaired where that is safe, and what was dropped or repaired.

        Raises:
            DataError: a row that cannot be used, such as a label that training has not; it is named.
        """
        del training
        return table, ()

    @abstractmethod
    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        """Vetted rows as tensors, cut to `max_length` tokens."""

    def rows(self, table: Table) -> list[Row]:
        """The rows as augmentation sees them; by default texts without a label."""
        inputs = self.inputs(table)
        texts = [inputs.first] if inputs.second is None else [inputs.first, inputs.second]
        return [Row(row) for row in zip(*texts, strict=True)]

    def key_of(self, row: Row) -> str:
        """A rewritten row as one text, by which it is compared with others."""
        return Inputs([row.texts[0]], [row.texts[1]] if len(row.texts) > 1 else None).keys[0]

    def variants(
        self, table: Table, originals: Examples, rows: Mapping[int, Row], encoder: EncoderSource, max_length: int
    ) -> Examples:
        """Rewritten rows, by the place of their original in `table`, as tensors; by default targets stay."""
        del table
        texts = [row.texts for row in rows.values()]
        pairs = any(len(row) > 1 for row in texts)
        inputs = Inputs([row[0] for row in texts], [row[1] for row in texts] if pairs else None)
        tokens = TokenTable(**encode(inputs, encoder.tokenizer, max_length))
        return Examples(tokens, take_targets(originals.targets, torch.tensor(list(rows), dtype=torch.int64)))

    @abstractmethod
    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """The loss of a know-nothing prediction on training rows."""

    @abstractmethod
    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        """Transformers' own model of this kind on the encoder, with a fresh head where none is stored.

        The main task's backbone becomes the shared encoder; an auxiliary gives its head only.
        """

    @abstractmethod
    def opening(self, encoder: EncoderSource) -> Opening:
        """How transformers opens what `build` makes, once it is exported."""

    def finish(self, model: PreTrainedModel, codes: TextCodes) -> None:
        """A last change to the exported model, so that it says what `predict` says; by default none."""
        del model, codes

    def prepare(self, batch: Batch, codes: TextCodes, random: torch.Generator) -> Batch:
        """A last, random change to a batch (masking); by default none. Evaluations pass a generator of fixed seed."""
        del codes, random
        return batch

    @abstractmethod
    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """The mean loss of a batch, not yet normalised: a scalar."""

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """What `measure` needs of a batch, on the model's device: (rows, …), the last dimension may differ by batch.

        By default the head's logits in fp32: (rows, outputs), or (rows, length, outputs) where it has some for a token.
        """
        return head(encoded, input_ids=batch.ids, attention_mask=batch.mask).float()

    @abstractmethod
    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Every metric over all rows (on the CPU); predictions of several lengths are padded with IGNORED."""


def labelled(table: Table, without: Collection[int], task: str) -> tuple[Table, list[Finding]]:
    """A table without some rows, those that have no label of a task, and a finding if there is any."""
    if not without:
        return table, []
    gone = frozenset(without)
    kept = take(table, [row for row in range(len(table)) if row not in gone])
    return kept, [Finding.of(f"row without a label of task {task!r}", [table.where(row) for row in without])]


T = TypeVar("T", bound=TextTaskSettings)


class TextTask(Task[T]):
    """A kind that reads texts and has one target a row, whatever the row's tokens are."""

    def inputs(self, table: Table) -> Inputs:
        return self.settings.inputs(table)

    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        return Examples(tokenize(self.inputs(table), encoder.tokenizer, max_length), self.targets(table))

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        """Rows without a label are dropped, and counted, wherever they stand."""
        table, found = labelled(table, self.unlabelled(table), self.name)
        self.targets(table)
        return table, found

    def unlabelled(self, table: Table) -> Sequence[int]:
        """The rows without a label; by default none, as a row may have none."""
        del table
        return ()

    @abstractmethod
    def targets(self, table: Table) -> torch.Tensor:
        """Targets of all rows, rows first. DataError naming the row of a label that training has not."""
