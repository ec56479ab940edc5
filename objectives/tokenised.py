"""The rows of a corpus in tokens, in the tokenizer's own numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch

from .corpus.corpus import Corpus
from .data.batches import bucket_lengths
from .data.cleaning import Finding
from .data.table import Table
from .data.targets import TextTargets
from .lengths import cut_texts
from .models.encoders import EncoderSource
from .models.vocabulary import Vocabulary
from .prepared import TaskRows
from .tasks.batch import Examples
from .tasks.task import Task


@dataclass(frozen=True)
class Tokenised:
    """Every row that is trained or measured on, by task. `test` has the main task's alone, if any."""

    corpus: Corpus
    encoder: EncoderSource
    max_length: int
    train: Mapping[str, Examples]
    validations: Mapping[str, Examples]
    test: Mapping[str, Examples]

    @classmethod
    def of(cls, corpus: Corpus, encoder: EncoderSource, max_length: int) -> Self:
        """Tokenise a corpus.

        Raises:
            DataError: rows that their task cannot use.
        """
        tasks = corpus.by_name

        def examples(tables: Mapping[str, Table]) -> dict[str, Examples]:
            return {name: tasks[name].examples(table, encoder, max_length) for name, table in tables.items()}

        parts = examples(corpus.train), examples(corpus.validations), examples(_test(corpus))
        return cls(corpus, encoder, max_length, *parts)

    @property
    def main(self) -> Examples:
        """The main task's training rows."""
        return self.train[self.corpus.tasks[0].name]

    @property
    def every(self) -> list[Examples]:
        return [*self.train.values(), *self.validations.values(), *self.test.values()]

    def findings(self) -> list[Finding]:
        """What is cut off, and what tasks could not use."""
        tables = {
            "training": (self.corpus.train, self.train),
            "validation": (self.corpus.validations, self.validations),
            "test": (_test(self.corpus), self.test),
        }
        tasks = self.corpus.by_name
        cut = {rows: cut_texts(tasks, *part, self.encoder, self.max_length) for rows, part in tables.items()}
        return [*_by_rows(cut), *(note for found in self.every for note in found.findings)]

    def rows(self, examples: Mapping[str, Examples], vocabulary: Vocabulary) -> dict[str, TaskRows]:
        """Some of them in a vocabulary's numbers."""
        tasks = self.corpus.by_name
        return {name: self._rows(tasks[name], found, vocabulary) for name, found in examples.items()}

    def training_rows(self, vocabulary: Vocabulary, bank_lengths: torch.Tensor) -> dict[str, TaskRows]:
        """Training rows with one more bucket where a variant is longer than every row, so that shapes still repeat.

        Tasks on the main task's rows get it too: they are batched together.
        """
        rows, tables, main = self.rows(self.train, vocabulary), self.corpus.train, self.corpus.tasks[0].name
        buckets = tuple(sorted({*rows[main].buckets, bucket_lengths(bank_lengths, self.max_length)[-1]}))
        return {
            name: replace(found, buckets=buckets) if tables[name] is tables[main] else found
            for name, found in rows.items()
        }

    def _rows(self, task: Task[Any], examples: Examples, vocabulary: Vocabulary) -> TaskRows:
        numbers, targets = vocabulary.new_ids, examples.targets
        if isinstance(targets, TextTargets):
            targets = targets.mapped(numbers)
        tokens = examples.tokens.mapped(numbers)
        return TaskRows(task, tokens, targets, bucket_lengths(tokens.lengths, self.max_length))


def _test(corpus: Corpus) -> dict[str, Table]:
    return {} if corpus.test is None else {corpus.tasks[0].name: corpus.test}


def _by_rows(notes: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """Notes that say which rows they are of; the rows that folds hold out are training rows, and told of as these."""
    first: dict[Finding, str] = {}
    for rows, found in notes.items():
        for note in found:
            first.setdefault(note, rows)
    return [replace(note, what=f"{note.what} in {rows} rows") for note, rows in first.items()]
