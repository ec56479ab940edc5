"""A table of text: every value is as the file has it. "NA", "null", "007" and "" are texts, and nothing is NaN."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from ...spaces.errors import DataError
from .mistakes import Mistakes
from .sources import suggestion
from .written_lists import list_of, written_lists

_WRITTEN_LIST = re.compile(r"""\s*\[(["'].*["']|\s*\d+(,?\s+\d+)+\s*)\]\s*""", re.DOTALL)
"""A list as Python or numpy prints it: one alone among texts is a mistake, whether it can be read or not."""
_SHOWN = 32
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Table:
    """Rows of text, by column."""

    source: str
    """As the user wrote it: for messages."""
    columns: Mapping[str, list[str]]
    lines: Sequence[int]
    """For each row the number that a message names, from 1: its line, or its row where a source has no lines."""
    fingerprint: str
    """SHA-256, in hex, of the file's bytes, or of the columns' content where the source is not one file."""
    unit: str = "line"
    lists: Mapping[str, list[list[str]]] = field(default_factory=dict[str, list[list[str]]])
    """Columns that hold a list of texts in every row."""
    faults: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns that cannot be used as text, with the message that says where and why."""
    hint: str = ""
    """What is likely wrong where a column misses."""
    written: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The values of list columns that were written as text, for whoever reads them as texts."""
    blank_rows: Sequence[str] = ()
    """Where rows of nothing but separators stand, which are left out."""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """All columns."""
        return [*self.columns, *self.lists, *self.faults]

    def column(self, name: str) -> list[str]:
        """The values of a column, one a row; DataError if there is none, or if it is not all text."""
        if name in self.written:
            return self.written[name]
        if name in self.lists:
            raise DataError(f"{self.source}: column {name!r} holds lists, not texts")
        self._check(name)
        return self.columns[name]

    def with_column(self, name: str, values: list[str]) -> Self:
        """The table with other values in what `column` gives."""
        if name in self.written:
            return replace(self, written={**self.written, name: values})
        return replace(self, columns={**self.columns, name: values})

    def items(self, name: str, separator: str | None = None) -> list[list[str]]:
        """The texts of each row of a list column, or of a column of texts cut at `separator` (None: at blanks).

        Raises:
            DataError: there is no such column, or it holds something else, such as lists written as text in some rows.
        """
        if name in self.lists:
            return self.lists[name]
        self._check(name)
        self._refuse_some_lists(name, "blanks" if separator is None else repr(separator))
        return [value.split(separator) if value.strip() else [] for value in self.columns[name]]

    def _refuse_some_lists(self, name: str, between: str) -> None:
        values = self.columns[name]
        row = next((row for row, value in enumerate(values) if _WRITTEN_LIST.fullmatch(value)), None)
        if row is not None:
            others = (row for row, value in enumerate(values) if value.strip() and list_of(value) is None)
            other = next(others, row)
            why = "in a form that is not read"
            if other != row:
                why = f"but {self.unit} {self.lines[other]} holds {_shown(values[other])}"
            raise DataError(
                f"{self.where(row)}: column {name!r} holds a list written as text ({_shown(values[row])}), {why}; "
                f"write a list such as ['a', 'b'] in every row, or give the values with {between} between them"
            )

    def _check(self, name: str) -> None:
        if name in self.faults:
            raise DataError(self.faults[name])
        if name not in self.columns:
            raise DataError(self.lacks(name))

    def lacks(self, name: str) -> str:
        """The message that there is no such column."""
        near = "" if self.hint else suggestion(name, self.names)  # the hint says what is wrong
        columns = ", ".join(map(repr, self.names))
        return (
            f"{self.source}: there is no column {name!r}{near}; its columns: {columns}{self.hint and f'; {self.hint}'}"
        )

    def where(self, row: int) -> str:
        """The place of a row for a message: "reviews.csv, line 17"."""
        return f"{self.source}, {self.unit} {self.lines[row]}"

    def refuse(self, problems: Iterable[tuple[int, str]]) -> None:
        """Raise one DataError of all these rows and what is wrong with them; none where there are none."""
        mistakes = Mistakes(self.source, self.unit)
        for row, problem in problems:
            mistakes.add(self.lines[row], problem)
        mistakes.raise_if_any()


def _shown(value: str) -> str:
    return f"{value[:_SHOWN]!r}{'…' if len(value) > _SHOWN else ''}"


def with_written_lists(table: Table) -> Table:
    """The table with lists for the columns of texts that are lists in every row, or empty."""
    found = {name: lists for name, values in table.columns.items() if (lists := written_lists(values)) is not None}
    if not found:
        return table
    return replace(
        table,
        columns={name: values for name, values in table.columns.items() if name not in found},
        lists={**table.lists, **found},
        written={**table.written, **{name: table.columns[name] for name in found}},
    )


def take(table: Table, rows: Sequence[int]) -> Table:
    """Some rows of a table."""
    return replace(
        table,
        columns={name: [values[row] for row in rows] for name, values in table.columns.items()},
        lists={name: [values[row] for row in rows] for name, values in table.lists.items()},
        written={name: [values[row] for row in rows] for name, values in table.written.items()},
        lines=[table.lines[row] for row in rows],
    )


def append(table: Table, more: Table) -> Table:
    """The rows of both; columns that only one of them has are gone, those of two forms are faults."""
    there = {*more.names}
    shared = [name for name in table.names if name in there]
    texts, others = {**table.columns, **table.written}, {**more.columns, **more.written}
    mixed = {
        name: f"{table.source}, column {name!r}: lists here or in {more.source}, texts in the other; "
        "rows of both need one form"
        for name in shared
        if (name in table.lists) != (name in more.lists) and not (name in texts and name in others)
    }
    faults = {**mixed, **more.faults, **table.faults}
    lists = {name: [*own, *more.lists[name]] for name, own in table.lists.items() if name in more.lists}
    joined = {name: [*own, *others[name]] for name, own in texts.items() if name in others}
    whole = replace(
        table,
        columns={name: values for name, values in joined.items() if name not in lists},
        lists=lists,
        written={name: values for name, values in joined.items() if name in lists},
        lines=[*table.lines, *more.lines],
        faults={name: faults[name] for name in shared if name in faults},
        blank_rows=[*table.blank_rows, *more.blank_rows],
    )
    return with_written_lists(whole)
