"""The contract of an augmentation operation, and what one declares about itself.

A *text* operation rewrites training rows. A *batch* operation (mixup, cutoff) works on tensors while a
batch is put together. Which rows are augmented, and how often, is the mix's business, not theirs.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

import torch

from ...spaces.augmentation import AugmentationSpace
from ..data.row import Row

Judge = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""The baseline's opinion of some texts: the probability of each label, (texts, labels), in the order of the labels."""


@dataclass(frozen=True)
class Resources:
    """What operations are made from, beside their settings.

    `base`: the folder that paths are relative to; `encoder`: the study's encoder as the study file names it; `rows`:
    the main task's cleaned training rows; `labels`: its label set, sorted, empty where the task is no classification;
    `judge`: trains the baseline when it is first called, None where nobody can; `device`: where language models write;
    `revision`: of an encoder of the Hub, None: its main branch.
    """

    base: Path
    encoder: str
    rows: Sequence[Row]
    labels: Sequence[str] = ()
    max_length: int = 128
    seed: int = 0
    judge: Callable[[], Judge] | None = None
    device: torch.device = field(default=torch.device("cpu"))
    revision: str | None = None
    say: Callable[[str], None] = field(default=lambda _: None)
    """Hears what the user should know, such as that neighbours come from random embeddings."""


class Operation(ABC):
    """What every operation declares about itself, of whichever sort it is."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Counts up when the output for the same input changes: part of the cache's key."""
    magnitude: ClassVar[str]
    """What the magnitude means, in one sentence."""
    changes_label: ClassVar[bool] = False
    """Whether a row may end with another label than its own."""


class TextOperation(Operation):
    """Rewrites training rows, ahead of training. Pure: the same arguments give the same rows.

    Contract (tests/conformance/test_operations.py): one result for each row, in order; what a row becomes depends on
    the row, the magnitude, the replica and the seed alone, not on its neighbours; None where the operation refuses it
    (a trial then trains on the original). For every Unicode text and magnitude in [0, 1] a result is valid, non-blank
    text; magnitude 0 gives the row itself; the label stays true, or becomes what the new text says (`changes_label`).
    """

    keeps_words: ClassVar[bool] = False
    """Whether it can rewrite a row word for word, so that tags stay at their words (`Row.texts` are then words)."""
    needs_label: ClassVar[bool] = False
    """Whether it serves only classifications with one text a row, as every text operation that changes labels does."""
    asks_judge: ClassVar[bool] = False
    """Whether it asks the baseline, so that its rows change with the settings of training."""
    parallel: ClassVar[bool] = True
    """Whether the bank may call it in several processes at once; False: it runs a model, which takes all cores."""

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        """The operation with what it needs, read from disk where it must be.

        Raises:
            OperationUnavailable: a need is missing; the message says which key of the study file gives it, or what to
                install.
            DataError: a lexicon with bad lines; each is named.
        """
        del space, resources
        return cls()

    @property
    def fingerprint(self) -> str:
        """Changes with whatever changes the output: the version, and the content of what was read."""
        return str(self.version)

    @abstractmethod
    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        """Return what each row becomes."""


class RuleOperation(TextOperation):
    """Rewrites one text at a time, or the words of a row in place, without a model."""

    @abstractmethod
    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        """Return the rewritten text; the text itself where there is nothing to change."""

    def apply_words(self, words: Sequence[str], magnitude: float, generator: random.Random) -> list[str]:
        """Return as many words, some of them rewritten, none blank or with a blank inside; for `keeps_words` only."""
        del words, magnitude, generator
        raise NotImplementedError(f"{self.name} keeps no words")

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        return [self._row(row, magnitude, replica, seed) for row in rows]

    def _row(self, row: Row, magnitude: float, replica: int, seed: int) -> Row | None:
        """A text's random state comes from itself: a greater magnitude touches the same words and more."""
        if not row.is_words:
            states = (random_of(seed, self.name, replica, text) for text in row.texts)
            texts = (self.apply(text, magnitude, state) for text, state in zip(row.texts, states, strict=True))
            return replace(row, texts=tuple(texts))
        if not self.keeps_words:
            return None
        state = random_of(seed, self.name, replica, " ".join(row.texts))
        return replace(row, texts=tuple(self.apply_words(row.texts, magnitude, state)))


def random_of(seed: int, operation: str, replica: int, text: str) -> random.Random:
    """The random state of one text under one operation."""
    return random.Random(f"{seed}/{operation}/{replica}/{text}")
