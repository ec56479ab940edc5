"""How answers to questions are compared and found: the measures of SQuAD (Rajpurkar et al. 2016, arXiv 1606.05250).

Texts are compared in lower case, without punctuation (what Unicode calls so, or ASCII: `$` and `+`, too), without the
English articles a, an and the, and with single blanks. Where a text has no blanks between its words (Chinese,
Japanese), its characters are its words.
"""

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

_ARTICLES = frozenset({"a", "an", "the"})
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA")


def answer_words(text: str) -> list[str]:
    """The words by which an answer is compared."""
    spaced: list[str] = []
    for character in text.lower():
        if unicodedata.category(character).startswith("P") or character in string.punctuation:
            continue
        unspaced = unicodedata.name(character, "").startswith(_UNSPACED)
        spaced.append(f" {character} " if unspaced else character)
    return [word for word in "".join(spaced).split() if word not in _ARTICLES]


def exact_match(guess: str, answers: Iterable[str]) -> float:
    """1 where the guess says the same as one of the answers."""
    return float(any(answer_words(guess) == answer_words(answer) for answer in answers))


def overlap_f1(guess: str, answers: Sequence[str]) -> float:
    """F1 of the words shared with the nearest answer; of two that are empty 1."""
    return max(_f1(answer_words(guess), answer_words(answer)) for answer in answers)


def _f1(guess: list[str], answer: list[str]) -> float:
    if not guess or not answer:
        return float(guess == answer)
    shared = sum((Counter(guess) & Counter(answer)).values())
    return 2 * shared / (len(guess) + len(answer))
