"""What every reader makes of a source: its columns, as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

_Column = TypeVar("_Column")


@dataclass
class TextColumns:
    """The columns of a source as text."""

    lines: Sequence[int]
    """For each row the number that a message names, from 1: its line, or its row where a source has no lines."""
    columns: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    lists: dict[str, list[list[str]]] = field(default_factory=dict[str, list[list[str]]])
    """Columns that hold a list of texts in every row."""
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Columns that cannot be used as text (images, bytes, a key that misses), with the reason."""
    unit: str = "line"
    """What `lines` counts, for messages."""
    _paths: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def put(self, path: tuple[str, ...], among: dict[str, _Column], column: _Column) -> None:
        """Keep a column, or its fault, by its dotted name.

        Args:
            path: a key, and those inside it that lead to the column. Where two lead to one name, it is a fault.
            among: columns, lists or faults of these.
            column: what is kept there.
        """
        name = ".".join(path)
        first = self._paths.setdefault(name, path)
        if first == path:
            among[name] = column
            return
        self.columns.pop(name, None)
        self.lists.pop(name, None)
        self.faults[name] = f"column {name!r} occurs twice: as {_in_words(first)} and as {_in_words(path)}"


def _in_words(path: tuple[str, ...]) -> str:
    return " in ".join(map(repr, reversed(path)))
