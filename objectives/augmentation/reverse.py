"""Words, or the letters of words, in reverse order."""

import random
from typing import ClassVar

from .operation import RuleOperation
from .words import chosen, clusters, pieces, touched, word_positions

LETTERS = 0.25
"""The chance of turning letters. The less likely of the two: it makes tokens that no text has."""


class Reverse(RuleOperation):
    """Reverses the order of the words in one span at a random place or, in a quarter of the cases, letters.

    In the span words stay whole, so the vocabulary stays natural and what is lost is only their order: the opposite of
    `noise`. Whitespace keeps its place, and so does the punctuation of scripts without blanks, whose characters count
    as words. Letters are turned within each of the touched words. A text of one word has no order to reverse. A
    relative of the word swap of EDA (Wei & Zou 2019, https://arxiv.org/abs/1901.11196). Tags would no longer stand at
    their words, so rows with tags are refused.
    """

    name: ClassVar[str] = "reverse"
    version: ClassVar[int] = 3
    magnitude: ClassVar[str] = (
        "the share of words in the reversed span, at least two, or of words whose letters are reversed; rounded up"
    )

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        parts = pieces(text)
        positions = word_positions(parts)
        if magnitude == 0 or len(positions) < 2:
            return text
        letters = generator.random() < LETTERS
        turnable = [at for at in positions if len(parts[at]) > 1 and len(clusters(parts[at])) > 1] if letters else []
        if turnable:
            for at in chosen(turnable, magnitude, generator):
                parts[at] = "".join(reversed(clusters(parts[at])))
        else:
            _reverse_span(parts, positions, touched(len(positions), magnitude), generator)
        return "".join(parts)


def _reverse_span(parts: list[str], positions: list[int], words: int, generator: random.Random) -> None:
    length = max(2, words)
    start = generator.randint(0, len(positions) - length)
    span = positions[start : start + length]
    for position, word in zip(span, [parts[index] for index in reversed(span)], strict=True):
        parts[position] = word
