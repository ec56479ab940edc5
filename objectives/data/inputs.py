"""What the encoder reads of each row: a text, a pair of texts, or words."""

from collections.abc import Sequence
from dataclasses import dataclass

_BETWEEN = " \N{SYMBOL FOR RECORD SEPARATOR} "
"""Between the texts of a pair where a row is compared with others as one text."""


@dataclass(frozen=True)
class Inputs:
    """The texts of some rows: `first` (rows,), and for pairs `second` (rows,). Words are joined by blanks."""

    first: Sequence[str]
    second: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.first)

    @property
    def texts(self) -> list[str]:
        """All texts, those of a pair apart."""
        return [*self.first, *(self.second or ())]

    @property
    def keys(self) -> list[str]:
        """Each row as one text, by which rows are compared; empty where a text of the row is blank."""
        if self.second is None:
            return list(self.first)
        pairs = zip(self.first, self.second, strict=True)
        return [_BETWEEN.join(pair) if all(map(str.strip, pair)) else "" for pair in pairs]

    @property
    def swapped(self) -> "Inputs":
        """Pairs in the other order, which tell as much; of single texts none."""
        return Inputs([]) if self.second is None else Inputs(self.second, self.first)
