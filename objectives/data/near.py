"""Near-copies: texts that differ in so few characters that one leaks the other.

Two texts nearly equal each other when, in the form in which texts are compared (`normalised`),

- their runs of digits are the same ("Item 12 is fine" is no copy of "Item 13 is fine");
- the edit distance (Levenshtein 1966, two swapped neighbours counting as one edit) is at most (1 - threshold) of the
  longer one's characters. From 8 characters on one edit is always allowed (but at a threshold of 1); below 8, only
  equal texts count: "good" and "food", or 好吃 and 好喝, are one letter apart and say different things;
- no word is replaced by an unlike one ("keeps going up" is no copy of "keeps going down"): two words that stand for
  each other differ by one letter, by a third of their letters, or by what the threshold allows, whichever is most.

Candidates are those of equal digits and near lengths whose counts of characters, and of runs of three, differ little
(Ukkonen 1992 bounds an edit distance by the latter); only these are compared letter by letter. The result is that of
comparing all with all.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, Levenshtein

from .cleaning import normalised

SHORTEST = 8
"""Characters from which one changed letter makes a copy rather than another word."""
_BUCKETS = 64
"""Characters are counted by their code modulo this: letters of one script rarely meet."""
_RUNS = 2048
"""Runs of three characters are counted by their hash modulo this; long texts have about a thousand."""
_KEPT = 1 << 15
"""Texts whose runs are kept, 2 kB each: those of like length come one after another."""
_LONG = 128
"""Characters up to which a comparison takes no longer than such a count."""
_LONGEST_WORDS = 16
"""Characters of a word, on average, that no script with blanks has."""
_EDIT, _EDIT_OF_RUNS = 2, 8
"""What one edit changes of these counts, in all: a letter goes and one comes; a swap is in four runs and makes four."""


NEAR = 0.9
"""The share of a text's characters that must stay, where nothing else is said."""


def near_copies(texts: Sequence[str], held_out: Sequence[str], threshold: float) -> list[bool]:
    """Which texts equal or nearly equal a held-out one.

    Args:
        texts: (rows).
        held_out: what they must not repeat, (others).
        threshold: in (0, 1], the share of a text's characters that must stay.

    Returns:
        For each text whether it does, (rows).
    """
    return [bool(found) for found in neighbours(texts, held_out, threshold)]


def near_duplicates(texts: Sequence[str], labels: Sequence[str] | None, threshold: float) -> list[bool]:
    """Which rows nearly repeat an earlier row that is kept, and have its label: (rows)."""
    repeats = [False] * len(texts)
    for row, found in enumerate(neighbours(texts, texts, threshold)):
        earlier = (other for other in found if other < row and not repeats[other])
        repeats[row] = any(labels is None or labels[other] == labels[row] for other in earlier)
    return repeats


def neighbours(texts: Sequence[str], others: Sequence[str], threshold: float) -> Iterator[list[int]]:
    """For each text the places of those others that it equals or nearly equals, ascending; empty texts have none."""
    groups: dict[tuple[str, ...], _Group] = {}
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    keys = [normalised(text) for text in others]
    for place, key in enumerate(keys):
        if key:
            places[_digits(key)].append(place)
    for text in texts:
        key = normalised(text)
        digits = _digits(key)
        if not key or digits not in places:
            yield []
            continue
        if digits not in groups:
            groups[digits] = _Group(places[digits], [keys[place] for place in places[digits]])
        yield groups[digits].near(key, threshold)


def _digits(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d+", text))


def _allowed(longest: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """How many edits a pair may have; the small number keeps 0.1 of 10 characters from being 0.999."""
    edits = np.floor((1 - threshold) * longest + 1e-9).astype(np.int64)
    return np.where((longest < SHORTEST) | (threshold >= 1), 0, np.maximum(edits, 1))


class _Group:
    """Texts of equal digits, sorted by length."""

    def __init__(self, places: Sequence[int], texts: Sequence[str]) -> None:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        self._texts = [texts[row] for row in order]
        self._places = [places[row] for row in order]
        self._lengths = np.array([len(text) for text in self._texts], dtype=np.int64)

    @cached_property
    def _counts(self) -> NDArray[np.int32]:
        return np.stack([_counts(text) for text in self._texts])

    def near(self, text: str, threshold: float) -> list[int]:
        size = len(text)
        window = np.flatnonzero(np.abs(self._lengths - size) <= _allowed(np.maximum(self._lengths, size), threshold))
        if not len(window):
            return []
        allowed = _allowed(np.maximum(self._lengths[window], size), threshold)
        apart = np.abs(self._counts[window[0] : window[-1] + 1][window - window[0]] - _counts(text)).sum(axis=1)
        likely = apart <= _EDIT * allowed
        window, allowed = window[likely], allowed[likely]
        if size > _LONG and len(window):
            runs = np.stack([_runs(self._texts[row]) for row in window])
            likely = _apart(runs, _runs(text)) <= _EDIT_OF_RUNS * allowed
            window, allowed = window[likely], allowed[likely]
        return sorted(
            self._places[row]
            for row, edits in zip(window.tolist(), allowed.tolist(), strict=True)
            if _is_near(text, self._texts[row], edits, threshold)
        )


def _is_near(text: str, other: str, edits: int, threshold: float) -> bool:
    """Whether two texts are at most so many edits apart, and no word is replaced by an unlike one."""

    def letters_agree() -> bool:
        return OSA.distance(text, other, score_cutoff=edits) <= edits

    def words_agree() -> bool:
        return _alike(text.split(), other.split(), threshold)

    # Time grows with the square, and words are fewer than letters; but for scripts without blanks.
    words_first = len(text) > _LONG and _LONGEST_WORDS * len(text.split()) > len(text)
    return words_agree() and letters_agree() if words_first else letters_agree() and words_agree()


def _alike(words: Sequence[str], others: Sequence[str], threshold: float) -> bool:
    """Whether all words that stand for each other are forms of one word, misspelt or bent."""
    edits = Levenshtein.editops(words, others)
    pairs = ((words[edit.src_pos], others[edit.dest_pos]) for edit in edits if edit.tag == "replace")
    return all(OSA.distance(one, other) <= _bent(max(len(one), len(other)), threshold) for one, other in pairs)


def _bent(longest: int, threshold: float) -> int:
    return max(1, longest // 3, int((1 - threshold) * longest + 1e-9))


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _counts(text: str) -> NDArray[np.int32]:
    return np.bincount(_codes(text) % _BUCKETS, minlength=_BUCKETS).astype(np.int32)


@lru_cache(_KEPT)
def _runs(text: str) -> NDArray[np.uint8]:
    """How often each run of three characters is there, up to 255 times, beyond which counts differ by less."""
    codes = _codes(text)
    hashes = (codes[:-2] * np.uint32(1_000_003) + codes[1:-1] * np.uint32(10_007) + codes[2:]) % _RUNS
    return np.bincount(hashes, minlength=_RUNS).clip(max=255).astype(np.uint8)


def _apart(many: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The differences of counts (texts, runs) and (runs,), added up: (texts,)."""
    common = np.minimum(many, one).sum(axis=1, dtype=np.int64)
    return many.sum(axis=1, dtype=np.int64) + one.sum(dtype=np.int64) - 2 * common
