"""Words in scripts without blanks, by longest match."""

from collections.abc import Iterable

from .words import is_unspaced

LONGEST = 8
"""Characters of the longest word that is looked for; Chinese words rarely have more."""


class Segmenter:
    """Joins neighbouring characters that are a known word; from left to right, the longest that begins at each."""

    def __init__(self, known: Iterable[str]) -> None:
        """`known`: words of any script; those of one character, or of spaced scripts, are passed over."""
        self._known = frozenset(word for word in known if 1 < len(word) <= LONGEST and is_unspaced(word))
        self._beginnings = frozenset(word[:2] for word in self._known)
        self._longest = max(map(len, self._known), default=1)

    def joined(self, text_pieces: list[str]) -> list[str]:
        """The pieces of a text, with those that make up a known word as one."""
        if not self._known:
            return text_pieces
        found: list[str] = []
        at = 0
        while at < len(text_pieces):
            length = self._length(text_pieces, at)
            found.append("".join(text_pieces[at : at + length]))
            at += length
        return found

    def _length(self, text_pieces: list[str], at: int) -> int:
        """How many pieces the word at `at` has: most characters begin no known word, which two of them tell."""
        if "".join(text_pieces[at : at + 2])[:2] not in self._beginnings:
            return 1
        lengths = range(min(self._longest, len(text_pieces) - at), 1, -1)
        return next((length for length in lengths if "".join(text_pieces[at : at + length]) in self._known), 1)
