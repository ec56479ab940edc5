"""Texts as words and characters, in the sense of a reader.

A character here is a grapheme cluster (Unicode UAX 29): a letter with its combining marks, an emoji with its
modifiers and joiners, a flag. Operations move, drop and insert whole clusters, and so never tear one apart.
"""

import math
import random
from itertools import groupby

import regex


def clusters(text: str) -> list[str]:
    """The grapheme clusters of `text`; joined they are `text`."""
    return regex.findall(r"\X", text)


def pieces(text: str) -> list[list[str]]:
    """`text` as runs of clusters, by turns a word and the whitespace between two words."""
    return [list(run) for _, run in groupby(clusters(text), key=str.isspace)]


def word_positions(text_pieces: list[list[str]]) -> list[int]:
    """The indices of the words among the pieces."""
    return [index for index, piece in enumerate(text_pieces) if not piece[0].isspace()]


def touched(words: int, magnitude: float) -> int:
    """How many of `words` a magnitude touches: its share, rounded up, so that a short text is touched too."""
    return min(words, math.ceil(magnitude * words))


def chosen(positions: list[int], magnitude: float, generator: random.Random) -> list[int]:
    """A random share of `positions`; for one random state a greater magnitude chooses these and more."""
    order = positions.copy()
    generator.shuffle(order)
    return order[: touched(len(order), magnitude)]
