"""Progress of the generation of augmented rows, in plain lines."""

from collections.abc import Callable

_FEWEST = 10_000
"""Rows that are enough to wait for: about a second."""


class Quarters:
    """Says a line for each quarter of the rows; called with rows done, rows in all, and the operation."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told = 0

    def __call__(self, done: int, total: int, what: str) -> None:
        if total >= _FEWEST and 4 * done // total > self._told:
            self._told = 4 * done // total
            self._say(f"augmenting: {done} of {total} rows ({what})")
