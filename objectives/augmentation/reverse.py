"""A span of words in reverse order."""

import random
from typing import ClassVar

from .operation import RuleOperation
from .words import pieces, touched, word_positions


class Reverse(RuleOperation):
    """Reverses the order of the words in one span at a random place.

    The words stay whole, so the vocabulary stays natural and what is lost is only their order: the opposite of `noise`.
    (Reversing a word's letters would only make tokens that no text has.) Whitespace keeps its place, a text of one
    word stays as it is. A relative of the word swap of EDA (Wei & Zou 2019, https://arxiv.org/abs/1901.11196).
    """

    name: ClassVar[str] = "reverse"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "the share of words in the reversed span, rounded up and at least two words"

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        parts = pieces(text)
        positions = word_positions(parts)
        if magnitude == 0 or len(positions) < 2:
            return text
        length = max(2, touched(len(positions), magnitude))
        start = generator.randint(0, len(positions) - length)
        span = positions[start : start + length]
        for position, word in zip(span, [parts[index] for index in reversed(span)], strict=True):
            parts[position] = word
        return "".join(cluster for part in parts for cluster in part)
