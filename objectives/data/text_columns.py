"""What every reader makes of a source: its columns, as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field


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
