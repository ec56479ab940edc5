"""Token classification: a tag for every word, as for named entities and slots. The head is transformers' own."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
from torch.nn import functional
from transformers import AutoModelForTokenClassification, PreTrainedModel

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.inputs import Inputs
from ..data.row import Row
from ..data.table import Table
from ..data.targets import IGNORED, Targets, widened
from ..data.tokens import tokenize_aligned
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .batch import Batch, Examples, TextCodes
from .kinds import TokenClassificationSettings
from .labels import label_names, named
from .opening import Opening
from .tags import (
    IN_BIO,
    INSIDE,
    OUTSIDE,
    TagTargets,
    as_entities,
    commonplace,
    in_bio,
    is_entity_tag,
    misspelt_entity,
    predicted_tags,
    repaired,
    tag_labels,
    tag_targets,
)
from .task import Task, labelled

_NONE: Any = 0
"""What a measure is where no span is guessed, or there is none. The annotation of seqeval knows texts only."""


class TokenClassification(Task[TokenClassificationSettings]):
    """Targets: (rows, length) int64, a tag's place in `labels` at the first token of each word."""

    kind: ClassVar[str] = "token_classification"
    fuses: ClassVar[bool] = True
    rewrites: ClassVar[bool] = False  # the tags would no longer stand at their words
    has_words: ClassVar[bool] = True

    def inputs(self, table: Table) -> Inputs:
        return Inputs([" ".join(words) for words in table.items(self.settings.tokens)])

    def answers(self, table: Table) -> Sequence[str]:
        return [" ".join(tags) for tags in self._tags(table)]

    def fitted(self, table: Table) -> Self:
        """Learn the tags.

        Raises:
            DataError: a row with more or fewer tags than words, a tag of another scheme, or one tag only.
        """
        table, _ = labelled(table, self._untagged(table), self.name)
        tags = self._tags(table)
        labels = tag_labels(tag for row in tags for tag in row)
        if len(labels) < 2:
            where = f"{table.source}: task {self.name!r}"
            raise DataError(f"{where}: column {self.settings.tags!r} has one tag only ({named(labels) or 'none'})")
        if wrong := misspelt_entity(labels):
            raise DataError(
                f"{table.source}: task {self.name!r}: column {self.settings.tags!r} has tags such as {wrong!r}, which "
                "would be counted word by word; entity tags are B-name and I-name, with O outside"
            )
        self._check_scheme(table, tags, labels)
        return self.with_labels(labels)

    def _check_scheme(self, table: Table, tags: Sequence[Sequence[str]], labels: Sequence[str]) -> None:
        """Entity tags and plain ones do not mix."""
        if not any(map(is_entity_tag, labels)):
            return
        strange = (
            (row, [tag for tag in names if tag != OUTSIDE and not is_entity_tag(tag)]) for row, names in enumerate(tags)
        )
        table.refuse(
            (row, f"task {self.name!r}: tag {found[0]!r}: beside B- and I- tags every other must be 'O'")
            for row, found in strange
            if found
        )

    def _tags(self, table: Table) -> list[list[str]]:
        """The tags of each row in BIO, an I- that continues nothing made a B-."""
        words, tags = table.items(self.settings.tokens), table.items(self.settings.tags)
        table.refuse(
            (
                row,
                f"task {self.name!r}: {len(sentence)} words in {self.settings.tokens!r}, but {len(names)} tags in "
                f"{self.settings.tags!r}; each word needs one tag",
            )
            for row, (sentence, names) in enumerate(zip(words, tags, strict=True))
            if len(sentence) != len(names)
        )
        if any(is_entity_tag(tag) for names in [self.labels, *tags] for tag in names):
            tags = [in_bio(names) for names in tags]
        return [repaired(names) for names in tags]

    def _untagged(self, table: Table) -> list[int]:
        """The rows with words and without any tag."""
        rows = zip(table.items(self.settings.tokens), table.items(self.settings.tags), strict=True)
        return [row for row, (words, tags) in enumerate(rows) if words and not tags]

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        """All rows that have tags; repaired ones, and those that training has not, are counted."""
        table, untagged = labelled(table, self._untagged(table), self.name)
        tags = self._tags(table)
        given = table.items(self.settings.tags)
        self._check_scheme(table, tags, self.labels)
        changed = [
            f"{old} -> {new}"
            for before, after in zip(given, tags, strict=True)
            for old, new in zip(before, after, strict=True)
            if old != new
        ]
        unknown = [tag for row in tags for tag in row if tag not in self.labels]
        nameless = [tag for row in tags for tag in row if tag in {"B", "I"}] if set(self.labels) <= {*"BIO"} else []
        common = commonplace(tags) if training else []
        of = f"task {self.name!r}"
        found = [
            Finding.of(
                f"{of}: tag of BIOES or BILOU, read as BIO", [old for old in changed if old[:2] in IN_BIO], "repaired"
            ),
            Finding.of(
                f"{of}: I- tag that continues nothing", [old for old in changed if old[:2] == INSIDE], "repaired"
            ),
            Finding.of(f"{of}: tag that does not occur in training", unknown, "noted"),
            Finding.of(
                f"{of}: B or I without an entity name, counted word by word (as spans: B-x, I-x)", nameless, "noted"
            ),
            Finding.of(
                f"{of}: word with the tag of most words, counted like any other (outside is O)", common, "noted"
            ),
        ]
        return table, untagged + [finding for finding in found if finding.count]

    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        tokens, alignment = tokenize_aligned(self.inputs(table), encoder.tokenizer, max_length)
        words = table.items(self.settings.tokens)
        targets = tag_targets(tokens, alignment, words, self._tags(table), self.labels)
        cut, blank = list[str](), list[str]()
        for row, word, is_cut in targets.unread(max_length):
            (cut if is_cut else blank).append(f"{words[row][word]!r} at {table.where(row)}")
        found = [
            Finding.of(f"{table.source}: word cut off at max_length {max_length}", cut, "noted"),
            Finding.of(f"{table.source}: word without a token, as it has no character that counts", blank, "noted"),
        ]
        return Examples(tokens, targets, [finding for finding in found if finding.count])

    def rows(self, table: Table) -> list[Row]:
        """The words of each row, which operations rewrite in place."""
        return [Row(tuple(words), is_words=True) for words in table.items(self.settings.tokens)]

    def key_of(self, row: Row) -> str:
        return " ".join(row.texts)

    def variants(
        self, table: Table, originals: Examples, rows: Mapping[int, Row], encoder: EncoderSource, max_length: int
    ) -> Examples:
        """The same tags at other words, of which there must be as many."""
        tags = self._tags(table)
        words = [list(row.texts) for row in rows.values()]
        inputs = Inputs([" ".join(row) for row in words])
        tokens, alignment = tokenize_aligned(inputs, encoder.tokenizer, max_length)
        return Examples(tokens, tag_targets(tokens, alignment, words, [tags[place] for place in rows], self.labels))

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """Log T: the cross-entropy of the uniform guess among T tags."""
        return math.log(len(self.labels))

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        return encoder.build(AutoModelForTokenClassification, **label_names(self.labels))

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening("AutoModelForTokenClassification", "token-classification", 'aggregation_strategy="first"')

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over the first tokens of words."""
        logits = super().predict(head, encoded, batch)
        targets = widened(batch.targets, logits.shape[1])
        terms = functional.cross_entropy(logits.mT, targets, ignore_index=IGNORED, reduction="none")
        return batch.mean(terms, targets != IGNORED)

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """The most probable tag of each token, (rows, length) float32; NaN where its logits are not finite."""
        logits = super().predict(head, encoded, batch)
        return logits.argmax(-1).where(logits.isfinite().all(-1), torch.nan)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """F1, precision and recall of whole spans; accuracy is of words. What is cut off counts as not found."""
        assert isinstance(targets, TagTargets)
        guess, truth = predicted_tags(predictions, targets, self.labels), targets.tags
        true, found = [as_entities(row) for row in truth], [as_entities(row) for row in guess]
        pairs = [
            one == other
            for row, other_row in zip(truth, guess, strict=True)
            for one, other in zip(row, other_row, strict=True)
        ]
        spans: Any = precision_recall_fscore_support(true, found, average="micro", zero_division=_NONE)
        precision, recall, f1 = map(float, spans[:3])
        return {"f1": f1, "precision": precision, "recall": recall, "accuracy": sum(pairs) / max(len(pairs), 1)}
