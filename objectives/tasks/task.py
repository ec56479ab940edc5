"""The contract of a task kind: its settings, rows, head, loss, normaliser and metrics.

A new kind is one file with a subclass, and one entry in registry.py. tests/conformance/test_tasks.py runs
every kind through the same suite.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Literal, Self, TypeVar

import torch
from pydantic import Field, model_validator
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from ...spaces.settings import Settings
from ..data.cleaning import Finding
from ..data.inputs import Inputs
from ..data.loading import Table
from ..data.targets import Targets
from ..data.tokens import TokenTable, tokenize
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource

Direction = Literal["maximize", "minimize"]


class TaskData(Settings):
    """An auxiliary task's own rows."""

    train: str = Field(min_length=1, description="file (relative to the study file) or Hub data set")
    validation: str | None = Field(
        default=None, min_length=1, description="rows that it is measured on, where its metric is an objective"
    )


class BaseTaskSettings(Settings):
    """What every kind has; a kind adds `kind: Literal[...]` and its own columns."""

    data: TaskData | None = Field(default=None, description="rows of its own; by default the main task's")


class TextTaskSettings(BaseTaskSettings):
    """A kind that reads one text, a pair of texts, or words."""

    text: str = Field(default="text", min_length=1, description="column with the text")
    text_pair: str | None = Field(default=None, min_length=1, description="column with the second text of a pair")
    tokens: str | None = Field(
        default=None,
        min_length=1,
        description="column with a list of words (or words between blanks), in place of text",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.text_pair == self.text:
            raise ValueError(f"a pair needs two columns; text and text_pair are both {self.text!r}")
        if self.tokens is not None and (self.text != type(self).model_fields["text"].default or self.text_pair):
            raise ValueError("either `text` (with `text_pair`) or `tokens`, not both")
        return self

    def inputs(self, table: Table) -> Inputs:
        """What the encoder reads of each row; DataError where a column is missing."""
        if self.tokens is not None:
            return Inputs([" ".join(words) for words in table.items(self.tokens)])
        return Inputs(table.column(self.text), table.column(self.text_pair) if self.text_pair else None)


@dataclass
class Batch:
    """One task's rows of one step.

    `ids` (rows, length) int64; `mask` (rows, length) bool; `targets` as the task's kind has them, rows
    first. `types` (rows, length) int64 tells the first from the second text of a pair; None where the encoder does
    not read it. `partner` (rows,) int64 and `keep` (rows,) float say how mixup blends each row with another of the
    same batch; None: not at all.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor
    partner: torch.Tensor | None = None
    keep: torch.Tensor | None = None
    types: torch.Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""

        def moved(part: torch.Tensor) -> torch.Tensor:
            return part.to(device, non_blocking=True)

        optional = {name: getattr(self, name) for name in ("partner", "keep", "types")}
        present = {name: moved(part) for name, part in optional.items() if part is not None}
        return replace(self, ids=moved(self.ids), mask=moved(self.mask), targets=moved(self.targets), **present)

    def blended(self, losses: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The mean of each row's loss (rows,), as `losses` finds it for given targets.

        Under mixup it is that of the blended targets, λ·l(y) + (1 - λ)·l(y of the partner): the loss of the blend
        where l is linear in y, as cross-entropies are (Zhang et al. 2018, arXiv 1710.09412).
        """
        own = losses(self.targets)
        if self.keep is None or self.partner is None:
            return own.mean()
        return (self.keep * own + (1 - self.keep) * losses(self.targets[self.partner])).mean()


@dataclass(frozen=True)
class TextCodes:
    """What a task may need to know about tokens, in the trimmed vocabulary."""

    size: int
    mask: int | None
    special: torch.Tensor
    """(special tokens,) int64: never masked, never predicted."""
    pad: int
    original: torch.Tensor
    """(size,) int64: each token's number in the tokenizer."""
    tokenizer: PreTrainedTokenizerFast
    separator: int | None = None
    """Between a text and what a decoder-only model writes behind it; None for other families."""

    def text(self, ids: torch.Tensor) -> str:
        """The text of some tokens (tokens,), without special ones."""
        return str(self.tokenizer.decode(self.original[ids], skip_special_tokens=True))


@dataclass(frozen=True)
class Examples:
    """A task's rows as tensors: `targets` has one row for each of `tokens`; `findings` says what could not be used."""

    tokens: TokenTable
    targets: Targets
    findings: Sequence[Finding] = ()


S = TypeVar("S", bound=BaseTaskSettings)


class Task(ABC, Generic[S]):
    """One task of a study, bound to its name and settings; knows its labels once it has seen training rows.

    Losses are normalised: divided by the loss of a know-nothing prediction, so that 1 means "has learnt
    nothing yet" for every kind, and a ratio of 1 between two tasks means "as important".
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[BaseTaskSettings]]
    metrics: ClassVar[Mapping[str, Direction]]
    """What it can be measured by; the first is the default objective."""
    mixes: ClassVar[bool] = False
    """Whether mixup can blend its rows."""
    rewrites: ClassVar[bool] = True
    """Whether its targets stay true when a row's words are rewritten."""
    has_one_answer: ClassVar[bool] = True
    """Whether a text that stands there with two answers contradicts itself."""

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.settings = settings

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

    @abstractmethod
    def fitted(self, table: Table) -> Self:
        """The task with its labels learnt from training rows. DataError where they cannot be used."""

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

    @abstractmethod
    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """The loss of a know-nothing prediction on training rows."""

    @abstractmethod
    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        """Transformers' own model of this kind on the encoder, with a fresh head where none is stored.

        The main task's backbone becomes the shared encoder; an auxiliary gives its head only.
        """

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

    @abstractmethod
    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """What `measure` needs of a batch, on the model's device: (rows, …), the last dimension may differ by batch."""

    @abstractmethod
    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Every metric over all rows (on the CPU); predictions of several lengths are padded with IGNORED."""


T = TypeVar("T", bound=TextTaskSettings)


class TextTask(Task[T]):
    """A kind that reads texts and has one target a row, whatever the row's tokens are."""

    def inputs(self, table: Table) -> Inputs:
        return self.settings.inputs(table)

    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        return Examples(tokenize(self.inputs(table), encoder.tokenizer, max_length), self.targets(table))

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        self.targets(table)
        return super().vetted(table, training=training)

    @abstractmethod
    def targets(self, table: Table) -> torch.Tensor:
        """Targets of all rows, rows first. DataError naming the row of a label that training has not."""
