"""What differs between two texts, word by word."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from ..objectives.augmentation.words import pieces


@dataclass(frozen=True)
class Span:
    """A part of a text, and whether the other text lacks it."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Difference:
    """Both texts as spans, and what stands in place of what: (before, after), either may be empty."""

    before: Sequence[Span]
    after: Sequence[Span]
    changes: Sequence[tuple[str, str]]


def difference(before: str, after: str) -> Difference:
    """Compare words; in scripts without blanks, characters. Blanks alone make no difference."""
    first, second = _words(before), _words(after)
    # Words only: blanks, which stand everywhere, would make the comparison of long texts quadratic.
    steps = SequenceMatcher(None, [word for word, _ in first], [word for word, _ in second]).get_opcodes()
    changes = [step for step in steps if step[0] != "equal"]
    return Difference(
        _spans(before, first, [(start, end) for _, start, end, _, _ in changes]),
        _spans(after, second, [(start, end) for _, _, _, start, end in changes]),
        [
            (_cut(before, first, start, end), _cut(after, second, new_start, new_end))
            for _, start, end, new_start, new_end in changes
        ],
    )


_Word = tuple[str, int]
"""A word and the place of its first character."""


def _words(text: str) -> list[_Word]:
    found: list[_Word] = []
    at = 0
    for piece in pieces(text):
        if not piece.isspace():
            found.append((piece, at))
        at += len(piece)
    return found


def _cut(text: str, words: Sequence[_Word], start: int, end: int) -> str:
    """The text from one word to another, the blanks between them included."""
    if start == end:
        return ""
    last, at = words[end - 1]
    return text[words[start][1] : at + len(last)]


def _spans(text: str, words: Sequence[_Word], ranges: Sequence[tuple[int, int]]) -> list[Span]:
    found: list[Span] = []
    at = 0
    for start, end in ranges:
        if start == end:
            continue
        part = _cut(text, words, start, end)
        place = words[start][1]
        found += [Span(text[at:place]), Span(part, changed=True)]
        at = place + len(part)
    found.append(Span(text[at:]))
    joined = groupby((span for span in found if span.text), lambda span: span.changed)
    return [Span("".join(span.text for span in run), changed) for changed, run in joined]
