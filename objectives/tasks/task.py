"""The contract of a task kind: its settings, rows, head, loss, normaliser and metrics.

A new kind is one file with a subclass, and one entry in registry.py. tests/conformance/test_tasks.py runs
every kind through the same suite.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Literal, Self, TypeVar

import torch
from pydantic import Field
from transformers import PreTrainedModel

from ...spaces.settings import Settings
from ..data.loading import Table
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource

Direction = Literal["maximize", "minimize"]


class TaskData(Settings):
    """An auxiliary task's own rows."""

    train: str = Field(min_length=1, description="file (relative to the study file) or Hub data set")


class BaseTaskSettings(Settings):
    """What every kind has; a kind adds `kind: Literal[...]` and its own columns."""

    text: str = Field(default="text", description="column with the text")
    data: TaskData | None = Field(default=None, description="rows of its own; by default the main task's")


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


@dataclass(frozen=True)
class TextCodes:
    """The numbers that a task may need about tokens, in the trimmed vocabulary."""

    size: int
    mask: int | None
    special: torch.Tensor
    """(special tokens,) int64: never masked, never predicted."""


S = TypeVar("S", bound=BaseTaskSettings)


class Task(ABC, Generic[S]):
    """One task of a study, bound to its name and settings; knows its labels once it has seen training rows.

    Losses are normalised: divided by the loss of a know-nothing prediction, so that 1 means "has learnt
    nothing yet" for every kind, and a ratio of 1 between two tasks means "as important".
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[BaseTaskSettings]]
    metrics: ClassVar[Mapping[str, Direction]]
    """What it can be measured by as the main task; empty: an auxiliary only."""
    mixes: ClassVar[bool]
    """Whether mixup can blend its rows."""

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.settings = settings

    @property
    def columns(self) -> Sequence[str]:
        """The columns that must be there."""
        return [self.settings.text]

    @property
    def label_column(self) -> str | None:
        """The column that rows are stratified and cleaned by; None where there are no labels."""
        return None

    @abstractmethod
    def fitted(self, table: Table) -> Self:
        """The task with its labels learnt from training rows. DataError where they cannot be used."""

    @abstractmethod
    def targets(self, table: Table) -> torch.Tensor:
        """Targets of all rows, rows first. DataError naming the row of a label that training has not."""

    @abstractmethod
    def normaliser(self, codes: TextCodes) -> float:
        """The loss of a know-nothing prediction."""

    @abstractmethod
    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        """Transformers' own model of this kind on the encoder, with a fresh head where none is stored.

        The main task's backbone becomes the shared encoder; an auxiliary gives its head only.
        """

    def prepare(self, batch: Batch, codes: TextCodes, random: torch.Generator) -> Batch:
        """A last, random change to a training batch (masking); by default none."""
        del codes, random
        return batch

    @abstractmethod
    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """The mean loss of a batch, not yet normalised: a scalar."""

    @abstractmethod
    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """What `measure` needs of a batch, rows first, on the model's device."""

    @abstractmethod
    def measure(self, predictions: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        """Every metric over all rows (on the CPU)."""
