"""Extractive question answering: where in a context the answer begins and ends. The head is transformers' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForQuestionAnswering, PreTrainedModel

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.inputs import Inputs
from ..data.table import Table, take
from ..data.targets import IGNORED, RaggedTargets, Targets, offsets_of, places_of
from ..data.tokens import Alignment, TokenTable, tokenize_aligned
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .answers import exact_match, overlap_f1
from .batch import Batch, Examples, TextCodes
from .kinds import SpanSettings
from .opening import Opening
from .task import Task

_LONGEST_ANSWER = 30
"""Tokens of an answer at most: transformers' default for this task."""
_NOTHING = torch.tensor([0, 0])
"""Where "no answer" stands: at the first token, which is no part of the context."""


@dataclass(frozen=True)
class SpanTargets(RaggedTargets):
    """Start and end token of each row's answer, two values a row, and what is needed to find the text of a guess.

    `answers` by row; `contexts` by row; `characters` (tokens, 2): each token's place in its context, or -1;
    `tokens` (rows + 1,): the offsets of the rows in it.
    """

    answers: Sequence[Sequence[str]]
    contexts: Sequence[str]
    characters: torch.Tensor
    tokens: torch.Tensor

    def take(self, rows: torch.Tensor) -> Self:
        taken, chosen = super().take(rows), list(map(int, rows))
        return type(self)(
            taken.values,
            taken.offsets,
            [self.answers[row] for row in chosen],
            [self.contexts[row] for row in chosen],
            self.characters[places_of(self.tokens, rows)],
            offsets_of(self.tokens, rows),
        )


class Span(Task[SpanSettings]):
    """Targets: (rows, 2) int64, first and last token of the answer; IGNORED where it is cut off."""

    kind: ClassVar[str] = "span"
    rewrites: ClassVar[bool] = False  # the answer would no longer stand at its place
    has_one_answer: ClassVar[bool] = False

    def inputs(self, table: Table) -> Inputs:
        return Inputs(table.column(self.settings.question), table.column(self.settings.context))

    def answers(self, table: Table) -> Sequence[str]:
        self._starts(table)
        return ["\n".join(answers) for answers in self._answers(table)]

    def _answers(self, table: Table) -> list[list[str]]:
        """Each row's answers; [""] where there is none."""
        name = self.settings.answer
        if name in table.lists:
            return [answers or [""] for answers in table.lists[name]]
        return [[answer] for answer in table.column(name)]

    def fitted(self, table: Table) -> Self:
        """DataError: no row has an answer that stands in its context."""
        if not any(place is not None and answer for place, answer in self._places(table)):
            column, source = self.settings.answer, table.source
            raise DataError(f"{source}: task {self.name!r}: no answer in {column!r} occurs in its context")
        return self

    def _places(self, table: Table) -> list[tuple[int | None, str]]:
        """The first answer of each row and its first character in the context, None where it does not stand there."""
        contexts, starts = table.column(self.settings.context), self._starts(table)
        found: list[tuple[int | None, str]] = []
        for answers, context, given in zip(self._answers(table), contexts, starts, strict=True):
            answer = answers[0]
            place = context.find(answer) if given is None else given
            found.append((place if place >= 0 and context.startswith(answer, place) else None, answer))
        return found

    def _starts(self, table: Table) -> list[int | None]:
        if self.settings.start is None:
            return [None] * len(table)
        # A row without an answer has no place: pandas then writes the others as 12.0, and some data sets -1 there.
        items = [
            values if values and answers[0] else []
            for values, answers in zip(table.items(self.settings.start), self._answers(table), strict=True)
        ]
        table.refuse(
            (row, f"task {self.name!r}: {self.settings.start} {values[0]!r} is not a character position (0, 1, 2, …)")
            for row, values in enumerate(items)
            if values and not values[0].removesuffix(".0").isdecimal()
        )
        return [int(values[0].removesuffix(".0")) if values else None for values in items]

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        """Rows whose answer does not stand in the context are dropped from training; else they count as missed."""
        places = self._places(table)
        wrong = [f"{answer!r} at {table.where(row)}" for row, (place, answer) in enumerate(places) if place is None]
        if not wrong:
            return table, ()
        what = "answer not in its context" if self.settings.start is None else "answer not at its place in the context"
        finding = Finding.of(what, wrong, "dropped" if training else "noted")
        kept = [row for row, (place, _) in enumerate(places) if place is not None]
        return (take(table, kept) if training else table), [finding]

    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        tokens, alignment = tokenize_aligned(self.inputs(table), encoder.tokenizer, max_length)
        places = self._places(table)
        values = torch.stack([_span_tokens(tokens, alignment, row, *place) for row, place in enumerate(places)])
        cut = [
            f"{answer!r} at {table.where(row)}"
            for row, (place, answer) in enumerate(places)
            if place is not None and values[row, 0] == IGNORED
        ]
        inside = alignment.segments == 1
        characters = alignment.characters.masked_fill(~inside.unsqueeze(1), -1)
        offsets = torch.arange(len(table) + 1) * 2
        contexts = table.column(self.settings.context)
        targets = SpanTargets(values.flatten(), offsets, self._answers(table), contexts, characters, tokens.offsets)
        note = f"{table.source}: answer beyond max_length {max_length}"
        return Examples(tokens, targets, [Finding.of(note, cut, "noted")] if cut else [])

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """The mean log length: the cross-entropy of a uniform guess among a row's tokens."""
        return float(examples.tokens.lengths.double().log().mean())

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        return encoder.build(AutoModelForQuestionAnswering, num_labels=2)

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening("AutoModelForQuestionAnswering")

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean of the cross-entropies of start and end among the row's own tokens."""
        logits = self.predict(head, encoded, batch).masked_fill(~batch.mask.unsqueeze(1), -torch.inf)
        known = batch.targets != IGNORED
        total = functional.cross_entropy(logits[known], batch.targets[known], reduction="sum")
        return total / known.sum().clamp(min=1)

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Start and end logits of every token: (rows, 2, length) in fp32."""
        outputs = head.outputs(encoded, input_ids=batch.ids, attention_mask=batch.mask)
        return torch.stack([outputs.start_logits, outputs.end_logits], dim=1).float()

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """The means of F1 over words and of exact matches, each against the nearest of a row's answers."""
        assert isinstance(targets, SpanTargets)
        guesses = [guessed_text(logits, targets, row) for row, logits in enumerate(predictions)]
        pairs = list(zip(guesses, targets.answers, strict=True))
        return {
            "f1": float(np.mean([overlap_f1(guess, answers) for guess, answers in pairs])),
            "exact_match": float(np.mean([exact_match(guess, answers) for guess, answers in pairs])),
        }


def _span_tokens(tokens: TokenTable, alignment: Alignment, row: int, place: int | None, answer: str) -> torch.Tensor:
    """First and last token (2,) of an answer, IGNORED where a part of it is cut off."""
    if not answer:
        return _NOTHING
    first, end = tokens.offsets[row : row + 2].tolist()
    characters, inside = alignment.characters[first:end], alignment.segments[first:end] == 1
    if place is None:
        return torch.full((2,), IGNORED)
    touched = inside & (characters[:, 1] > place) & (characters[:, 0] < place + len(answer))
    # A mark that a tokenizer drops or merges at the answer's end is not cut off: other tokens stand behind it.
    behind = inside & (characters[:, 0] >= place + len(answer))
    whole = touched.any() and (behind.any() or int(characters[touched][-1, 1]) >= place + len(answer.rstrip()))
    return touched.nonzero().squeeze(1)[[0, -1]] if whole else torch.full((2,), IGNORED)


def guessed_text(logits: torch.Tensor, targets: SpanTargets, row: int) -> str:
    """The text between the best pair of start and end (2, length) in the row's context; empty for "no answer"."""
    first, end = targets.tokens[row : row + 2].tolist()
    characters = targets.characters[first:end]
    inside = characters[:, 1] >= 0
    start_logits, end_logits = (part[: end - first].masked_fill(~inside, -torch.inf) for part in logits)
    pairs = start_logits.unsqueeze(1) + end_logits
    allowed = torch.ones_like(pairs, dtype=torch.bool).triu().tril(_LONGEST_ANSWER - 1)
    score, place = pairs.masked_fill(~allowed, -torch.inf).flatten().max(0)
    nothing = logits[0, 0] + logits[1, 0]
    if not score.isfinite() or nothing > score:
        return ""
    start, stop = divmod(int(place), end - first)
    return targets.contexts[row][int(characters[start, 0]) : int(characters[stop, 1])].strip()
