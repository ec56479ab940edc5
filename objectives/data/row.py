"""A row as augmentation sees it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A training row as an operation sees it."""

    texts: tuple[str, ...]
    """One text, the two of a pair, or the words of a row whose tags stand at its words."""
    label: str | None = None
    """The label of a classification; None for every other kind of task."""
    is_words: bool = False
    """Whether `texts` are words that tags stand at: none may come, go or be split."""
