"""Typing errors and stray punctuation."""

import random
from typing import ClassVar

from .operation import RuleOperation
from .words import chosen, pieces, word_positions

PUNCTUATION = (".", ";", "?", ":", "!", ",")
"""The six marks of AEDA."""

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
    """

    name: ClassVar[str] = "noise"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "the share of words with a typing error or a punctuation mark after them, rounded up"

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        parts = pieces(text)
        for position in chosen(word_positions(parts), magnitude, generator):
            parts[position] = _damaged(parts[position], generator)
        return "".join(cluster for part in parts for cluster in part)


def _damaged(word: list[str], generator: random.Random) -> list[str]:
    error = generator.choice((_replaced, _swapped, _lost, _doubled, _punctuated))
    damaged = error(word, generator)
    return _punctuated(word, generator) if damaged == word else damaged


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
    pairs = [at for at in letters if at + 1 in letters and word[at] != word[at + 1]]
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


def _punctuated(word: list[str], generator: random.Random) -> list[str]:
    return [*word, " ", generator.choice(PUNCTUATION)]
