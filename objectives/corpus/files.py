"""From files to tables: each read once, its texts repaired, its labels spelt as training mostly spells them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.loading import load_table
from ..data.repairs import label_lists, respelt, spellings, with_repaired_texts
from ..data.sources import Source, resolve_source
from ..data.table import Table
from ..settings import CleaningSettings
from ..tasks.task import Task
from .notes import Notes


@dataclass
class Files:
    """Reads the files that a study names; what it repairs is noted."""

    clean: CleaningSettings
    tasks: Sequence[Task[Any]]
    """All of the study, not fitted yet."""
    base: Path
    """The folder that paths are relative to."""
    encoding: str | None
    """Of the main task's text files; None: UTF-8."""
    notes: Notes
    _tables: dict[tuple[str, str | None], Table] = field(default_factory=dict[tuple[str, str | None], Table])
    """By what the user wrote, and the encoding."""
    _spellings: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """How each task's labels are mostly written in its training rows."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """The hash of each source that was read, by what the user wrote."""
        return {text: table.fingerprint for (text, _), table in self._tables.items()}

    def training(self, text: str, tasks: Sequence[Task[Any]]) -> Table:
        """The rows that `tasks` learn from, and how these spell their labels. DataError: a column misses."""
        table = self._read(text, tasks)
        _check_columns(table, tasks)
        if not self.clean.merge_labels:
            return table
        for task in tasks:
            if (place := task.label_column()) is not None:
                written = (label for labels in label_lists(table, *place) for label in labels)
                self._spellings[task.name] = spellings(written)
                table = self._spelt(table, task, *place)
        return table

    def held_out(self, text: str, tasks: Sequence[Task[Any]]) -> Table:
        """Validation or test rows of `tasks`, with labels as their training rows spell them, which were read before."""
        table = self._read(text, tasks)
        if not self.clean.merge_labels:
            return table
        for task in tasks:
            if (place := task.label_column()) is not None and place[0] in {*table.columns, *table.lists}:
                table = self._spelt(table, task, *place)
        return table

    def _read(self, text: str, tasks: Sequence[Task[Any]]) -> Table:
        source = self._source(text, tasks[0])
        key = text, source.encoding
        if key not in self._tables:
            table = load_table(source)
            if table.blank_rows:
                self.notes.add(table, [Finding.of("row of nothing but separators", table.blank_rows)])
            self._tables[key] = self._repaired(table) if self.clean.repair_text else table
        return self._tables[key]

    def _source(self, text: str, task: Task[Any]) -> Source:
        """A file of the main task, or of an auxiliary's own, with its encoding."""
        source, own = resolve_source(text, self.base), task.settings.data
        if own is None:
            return replace(source, encoding=self.encoding)
        return replace(source, encoding=own.encoding, section=f"tasks: {task.name}: data")

    def _repaired(self, table: Table) -> Table:
        """Not where a task says at which of a text's characters something stands."""
        if any(task.settings.counts_characters for task in self.tasks):
            return table
        words = {name for task in self.tasks if (name := task.settings.word_column)}
        table, found = with_repaired_texts(table, words)
        self.notes.add(table, found)
        return table

    def _spelt(self, table: Table, task: Task[Any], column: str, separator: str | None) -> Table:
        table, found = respelt(table, column, separator, self._spellings[task.name], task.name)
        self.notes.add(table, found)
        return table


def _check_columns(table: Table, tasks: Iterable[Task[Any]]) -> None:
    """All columns that tasks name and their training rows lack, in one DataError."""
    missing = [
        f"tasks.{task.name}.{key}: {table.lacks(column)}"
        for task in tasks
        for key, column in task.settings.columns().items()
        if column not in table.names
    ]
    if missing:
        raise DataError("\n".join(missing))
