"""Texts as words and characters, in the sense of a reader.

A character here is a grapheme cluster (Unicode UAX 29): a letter with its combining marks, an emoji with its
modifiers and joiners, a flag. Operations move, drop and insert whole clusters, and so never tear one apart.
Scripts that put no blanks between words have each character as a word: a share of the words then means something.
"""

import math
import random
import re
import unicodedata
from itertools import groupby
from typing import Literal

import regex

_ASCII_RUNS = re.compile(r"\s+|\S+")
WIDE = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
"""A Chinese or Japanese character, as a part of other patterns."""
ROUNDING = 1e-9
"""Taken off a share before it is rounded up: 0.07 · 100 is 7.000000000000001, which is still seven."""
_WIDE = regex.compile(WIDE)
_UNSPACED = regex.compile(rf"[{WIDE}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}]", regex.V1)
_MARKS = regex.compile(r"\p{P}+")


def clusters(text: str) -> list[str]:
    """The grapheme clusters of `text`; joined they are `text`."""
    if text.isascii() and "\r" not in text:  # the one ASCII cluster of two characters is \r\n
        return list(text)
    return regex.findall(r"\X", text)


def is_unspaced(text: str) -> bool:
    """Whether a text begins in a script without blanks between words."""
    return _UNSPACED.match(text) is not None


def has_wide_script(text: str) -> bool:
    """Whether Chinese or Japanese characters occur, whose punctuation is full-width."""
    return not text.isascii() and _WIDE.search(text) is not None


def pieces(text: str) -> list[str]:
    """`text` as words, the whitespace between them and, in scripts without blanks, punctuation; joined they are `text`.

    A word is what stands between blanks; a character of an unspaced script is a word of its own.
    """
    return _ASCII_RUNS.findall(text) if text.isascii() else _runs(text)


def _runs(text: str) -> list[str]:
    """What `pieces` gives, for any text."""
    unspaced = _UNSPACED.search(text) is not None
    found: list[str] = []
    for kind, run in groupby(clusters(text), _unspaced_kind if unspaced else _spaced_kind):
        characters = list(run)
        found += characters if kind == "character" else ["".join(characters)]
    return found


_Kind = Literal["blank", "mark", "character", "word"]


def _spaced_kind(cluster: str) -> _Kind:
    return "blank" if cluster.isspace() else "word"


def _unspaced_kind(cluster: str) -> _Kind:
    if is_unspaced(cluster):
        return "character"
    if cluster in {"'", "-", "’"}:
        return "word"
    return "mark" if _MARKS.fullmatch(cluster) else _spaced_kind(cluster)


def core(word: str) -> tuple[str, str, str]:
    """What stands before a word's letters, the word from its first letter or digit to its last, and what follows."""
    if word[:1].isalnum() and word[-1].isalnum():
        return "", word, ""
    first = next((at for at, character in enumerate(word) if character.isalnum()), len(word))
    last = next((at for at in range(len(word), first, -1) if word[at - 1].isalnum()), first)
    while last < len(word) and unicodedata.category(word[last]).startswith("M"):
        last += 1
    return word[:first], word[first:last], word[last:]


def like(word: str, model: str) -> str:
    """`word` in the case of `model`: all capitals, a capital first, or as it is."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def is_word(piece: str) -> bool:
    """Whether a piece is more than whitespace or punctuation."""
    return not (piece.isspace() or (not piece[0].isalnum() and _MARKS.fullmatch(piece)))


def word_positions(text_pieces: list[str]) -> list[int]:
    """The indices of the words among the pieces."""
    return [index for index, piece in enumerate(text_pieces) if is_word(piece)]


def touched(words: int, magnitude: float) -> int:
    """How many of `words` a magnitude touches: its share, rounded up, so that a short text is touched too."""
    return min(words, math.ceil(magnitude * words - ROUNDING))


def chosen(positions: list[int], magnitude: float, generator: random.Random) -> list[int]:
    """A random share of `positions`; for one random state a greater magnitude chooses these and more."""
    order = positions.copy()
    generator.shuffle(order)
    return order[: touched(len(order), magnitude)]
