"""Typing errors and stray punctuation."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from .operation import RuleOperation
from .words import chosen, clusters, has_wide_script, is_unspaced, pieces, word_positions

PUNCTUATION = (".", ";", "?", ":", "!", ",")
"""The six marks of AEDA."""

PUNCTUATION_APART = tuple(f" {mark}" for mark in PUNCTUATION)
WIDE_PUNCTUATION = ("。", "；", "？", "：", "！", "，")

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""The rows of letters, each about half a key to the right of the row above."""


def _neighbours() -> dict[str, str]:
    """The letters whose keys touch a letter's key, on a QWERTY keyboard."""
    keys = {letter: (row, column) for row, letters in enumerate(KEYBOARD) for column, letter in enumerate(letters)}
    return {
        letter: "".join(
            other
            for other, (other_row, other_column) in keys.items()
            if (other_row - row, other_column - column) in {(0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0)}
        )
        for letter, (row, column) in keys.items()
    }


NEIGHBOURS = _neighbours()


class Noise(RuleOperation):
    """Damages words as a hasty writer does: one error in each word that is touched.

    An error is, with equal chances, a letter typed on a neighbouring key, two letters swapped, one lost, one typed
    with its neighbour (the character noise of Belinkov & Bisk 2018, https://arxiv.org/abs/1711.02173), or a
    punctuation mark after the word (AEDA, Karimi et al. 2021, https://arxiv.org/abs/2108.13230). Where an error does
    not apply, as in a number or an emoji, the mark takes its place. Keyboard errors know the Latin letters a to z.
    A character of a script without blanks is swapped with the next, lost, typed twice, or a mark comes after it;
    Chinese and Japanese marks are full-width. Words with tags are damaged in place, and a mark then sticks to its word.
    """

    name: ClassVar[str] = "noise"
    version: ClassVar[int] = 3
    magnitude: ClassVar[str] = "the share of words with a typing error or a punctuation mark after them, rounded up"
    keeps_words: ClassVar[bool] = True

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        parts = pieces(text)
        marks = WIDE_PUNCTUATION if has_wide_script(text) else PUNCTUATION_APART
        for position in chosen(word_positions(parts), magnitude, generator):
            if is_unspaced(parts[position]):
                generator.choice(_CHARACTER_ERRORS)(parts, position, marks, generator)
            else:
                parts[position] = _damaged(parts[position], marks, generator)
        result = "".join(parts)
        return text if not result.strip() else result

    def apply_words(self, words: Sequence[str], magnitude: float, generator: random.Random) -> list[str]:
        found = list(words)
        for position in chosen(list(range(len(found))), magnitude, generator):
            marks = WIDE_PUNCTUATION if has_wide_script(found[position]) else PUNCTUATION
            found[position] = _damaged(found[position], marks, generator)
        return found


def _damaged(text: str, marks: Sequence[str], generator: random.Random) -> str:
    word = clusters(text)
    error = generator.choice((_replaced, _swapped, _lost, _doubled, None))
    damaged = word if error is None else error(word, generator)
    return text + generator.choice(marks) if damaged == word else "".join(damaged)


def _swapped_with_next(parts: list[str], at: int, marks: Sequence[str], generator: random.Random) -> None:
    following = parts[at + 1] if at + 1 < len(parts) else ""
    if is_unspaced(following) and following != parts[at]:
        parts[at], parts[at + 1] = following, parts[at]
    else:
        _marked(parts, at, marks, generator)


def _dropped(parts: list[str], at: int, marks: Sequence[str], generator: random.Random) -> None:
    del marks, generator
    parts[at] = ""


def _typed_twice(parts: list[str], at: int, marks: Sequence[str], generator: random.Random) -> None:
    del marks, generator
    parts[at] *= 2


def _marked(parts: list[str], at: int, marks: Sequence[str], generator: random.Random) -> None:
    parts[at] += generator.choice(marks)


_CHARACTER_ERRORS = (_swapped_with_next, _dropped, _typed_twice, _marked)


def _letters(word: list[str]) -> list[int]:
    return [index for index, cluster in enumerate(word) if cluster[0].isalpha()]


def _keys(word: list[str]) -> list[int]:
    """The indices of the plain letters that a keyboard has a key for."""
    return [index for index, cluster in enumerate(word) if cluster.lower() in NEIGHBOURS]


def _neighbour(letter: str, generator: random.Random) -> str:
    typed = generator.choice(NEIGHBOURS[letter.lower()])
    return typed.upper() if letter.isupper() else typed


def _replaced(word: list[str], generator: random.Random) -> list[str]:
    keys = _keys(word)
    if not keys:
        return word
    at = generator.choice(keys)
    return [*word[:at], _neighbour(word[at], generator), *word[at + 1 :]]


def _swapped(word: list[str], generator: random.Random) -> list[str]:
    letters = _letters(word)
    pairs = [at for at, following in pairwise(letters) if following == at + 1 and word[at] != word[following]]
    if not pairs:
        return word
    at = generator.choice(pairs)
    return [*word[:at], word[at + 1], word[at], *word[at + 2 :]]


def _lost(word: list[str], generator: random.Random) -> list[str]:
    letters = _letters(word)
    if len(letters) < 2:
        return word
    at = generator.choice(letters)
    return [*word[:at], *word[at + 1 :]]


def _doubled(word: list[str], generator: random.Random) -> list[str]:
    keys = _keys(word)
    if not keys:
        return word
    at = generator.choice(keys)
    return [*word[: at + 1], _neighbour(word[at], generator), *word[at + 1 :]]
