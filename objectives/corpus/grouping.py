"""Rows that belong together, such as the sentences of a document: where one is held out, training has none of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...spaces.errors import DataError
from ..data.cleaning import Finding
from ..data.grouped_splits import group_numbers
from ..data.repairs import whole
from ..data.table import Table, take
from .notes import Notes


def group_cells(column: str | None, table: Table) -> Sequence[str]:
    """The group of each row, empty where it stands alone; nothing where the table has no such column.

    One file may have 12.0 for another's 12, as pandas writes the numbers of a column with an empty cell.
    """
    return [whole(cell.strip()) for cell in table.column(column)] if column in table.names else ()


@dataclass(frozen=True)
class Grouping:
    """The column that says which rows belong together; None: each row stands alone.

    `drops`: whether training rows of a held-out group leave training.
    """

    column: str | None
    drops: bool
    notes: Notes

    def check(self, table: Table) -> None:
        """Of the training file. DataError: it has no such column."""
        if self.column is not None and self.column not in table.names:
            raise DataError(f"data.group: {table.lacks(self.column)}")

    def note_missing(self, table: Table) -> None:
        """Tell of a validation or test file whose groups nobody knows."""
        if self.column is not None and self.column not in table.names:
            what = f"no column {self.column!r}, so nobody knows whether training has rows of its groups"
            self.notes.add(table, [Finding(what, len(table), (), "noted")])

    def cells(self, table: Table) -> Sequence[str]:
        """The group of each row, empty where it stands alone; nothing where the table says of none."""
        return group_cells(self.column, table)

    def numbers(self, table: Table) -> list[int] | None:
        """The group of each training row as a number; None where none are grouped. DataError: there is one group."""
        if self.column is None:
            return None
        cells, numbers = self.cells(table), group_numbers(self.cells(table))
        found = len(set(numbers))
        if found < 2:
            raise DataError(f"all rows are of one group ({cells[0]!r}); a split needs two")
        if found == len(numbers):
            what = f"data.group: each row has another {self.column!r}, so that none belong together"
            self.notes.add(table, [Finding(what, found, (), "noted")])
        return numbers

    def rows_of(self, groups: Iterable[str], table: Table) -> list[int]:
        """The rows that belong to some of these groups."""
        known = {group for group in groups if group}
        return [row for row, group in enumerate(self.cells(table)) if group in known]

    def apart(self, table: Table, held: Iterable[Table], task: str) -> Table:
        """Training rows without those of held-out groups, which are told of. DataError: none is left."""
        leaks = self.rows_of((group for rows in held for group in self.cells(rows)), table)
        if not leaks:
            return table
        cases = [f"{self.cells(table)[row]} at {table.where(row)}" for row in leaks]
        what = f"row of a group ({self.column!r}) that is in validation or test data too"
        self.notes.add(table, [Finding.of(what, cases, "dropped" if self.drops else "noted")])
        if not self.drops:
            return table
        if len(leaks) == len(table):
            raise DataError(
                f"{table.source}: task {task!r}: all rows are of groups ({self.column!r}) that validation or test data "
                "have too"
            )
        gone = frozenset(leaks)
        return take(table, [row for row in range(len(table)) if row not in gone])
