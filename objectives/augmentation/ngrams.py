"""An n-gram language model of one class's training rows."""

import random
from collections import defaultdict
from collections.abc import Sequence

import regex

from .words import WIDE

_TOKEN = regex.compile(rf"\s*(?:{WIDE}|[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}'’-]*|\X)")
_ORDER = 3
"""Words that the next one is drawn by, at most: a 4-gram model."""
_OTHERS = 0.1
"""What a row of another class counts: it lends its turns of phrase where the class itself has few."""
_END = ""


def tokens_of(text: str) -> list[str]:
    """Words and marks, each with one blank before it where the text has any; joined they are the text."""
    return [f" {found.lstrip()}" if found[0].isspace() else found for found in _TOKEN.findall(text.strip())]


class NGrams:
    """Draws from interpolated n-grams with Witten–Bell's weights (Chen & Goodman 1999, section 2.4).

    After a context with T rows' words, N of them distinct, the next word comes from the next shorter context with
    probability N / (T + N), N first multiplied by `boldness`: bolder texts leave the training rows more often. The
    shortest context is one word, so that every two neighbours stood side by side somewhere.
    """

    def __init__(self, texts: Sequence[str], others: Sequence[str]) -> None:
        """Count. What is drawn does not depend on the order of either."""
        self._counts: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for weight, group in ((1.0, texts), (_OTHERS, others)):
            for text in sorted(group):
                self._add([*[_END] * _ORDER, *tokens_of(text), _END], weight)
        self._draws = {context: (list(found), list(found.values())) for context, found in self._counts.items()}

    def _add(self, tokens: Sequence[str], weight: float) -> None:
        for place in range(_ORDER, len(tokens)):
            for size in range(1, _ORDER + 1):
                self._counts[tuple(tokens[place - size : place])][tokens[place]] += weight

    def write(self, boldness: float, limit: int, generator: random.Random) -> str | None:
        """A text; None where it has not ended after `limit` words and marks."""
        written = [_END] * _ORDER
        for _ in range(limit + 1):
            token = self._next(written, boldness, generator)
            if token == _END:
                return "".join(written).strip()
            written.append(token)
        return None

    def _next(self, written: Sequence[str], boldness: float, generator: random.Random) -> str:
        for size in range(_ORDER, 1, -1):
            words, weights = self._draws.get(tuple(written[-size:]), ([], []))
            leave = boldness * len(words)
            if words and generator.random() * (sum(weights) + leave) >= leave:
                return generator.choices(words, weights)[0]
        return generator.choices(*self._draws[tuple(written[-1:])])[0]
