"""Negation by language: which words negate, and what can be negated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import regex


@dataclass(frozen=True)
class Negation:
    """A language's negations, in lower case.

    `removed`: what is left of a negation when it goes; `inserted`: what an auxiliary becomes when it is negated;
    `reach`: how many words behind a negation it still bears on; `not_before`: words before which it denies nothing.
    """

    removed: Mapping[str, str] = field(default_factory=dict[str, str])
    inserted: Mapping[str, str] = field(default_factory=dict[str, str])
    reach: int = 0
    not_before: frozenset[str] = frozenset()


_AUXILIARIES = (
    "is",
    "are",
    "was",
    "were",
    "do",
    "does",
    "did",
    "could",
    "would",
    "should",
    "has",
    "have",
    "had",
    "need",
)
_CONTRACTED = {f"{word}n't": word for word in _AUXILIARIES} | {"can't": "can", "won't": "will", "cannot": "can"}
_MISSPELLED = {word.replace("'", ""): left for word, left in _CONTRACTED.items() if "'" in word and word != "won't"}
_NEGATABLE = ["is", "are", "was", "were", "am", "could", "would", "should", "will", "must", "does", "did"]

NEGATIONS: Mapping[str, Negation] = {
    "en": Negation(
        removed={"not": "", "never": "", "no": "", **_MISSPELLED, **_CONTRACTED},
        inserted={
            **{word: f"{word} not" for word in _NEGATABLE},
            **{"can": "cannot", "it's": "it's not", "i'm": "i'm not", "i'll": "i'll not", "that's": "that's not"},
        },
        reach=3,
        not_before=frozenset({"only", "just", "sure", "matter", "mention", "doubt", "wonder", "one", "beat", "wait"}),
    ),
    "zh": Negation(
        removed={
            **dict.fromkeys(("不", "不太", "不怎么", "不算", "不是怎么", "没", "并不", "从不", "不再"), ""),
            **{"不是": "是", "不会": "会", "不能": "能", "不要": "要", "不想": "想", "没有": "有", "不可以": "可以"},
            **{"没法": "能", "不应该": "应该", "不愿意": "愿意"},
        },
        inserted={
            **{word: f"不{word}" for word in ("是", "会", "能", "想", "可以", "应该", "愿意")},
            **{"有": "没有", "真是": "真不是"},
        },
        reach=2,
    ),
}
"""The languages whose negation is known."""

_CLAUSE_END = regex.compile(r"[,;.:!?()，；。：！？、…\n]")


def negation_before(words: Sequence[tuple[str, str]], at: int, negation: Negation) -> int | None:
    """The index of the word that negates the one at `at`, within its reach and clause; None where it is not negated.

    `words`: each word in lower case, and the text between it and the word before.
    """
    for back in range(at, max(at - negation.reach, 0), -1):
        if _CLAUSE_END.search(words[back][1]):
            return None
        if is_negation(words, back - 1, negation):
            return back - 1
    return None


def is_negation(words: Sequence[tuple[str, str]], at: int, negation: Negation) -> bool:
    """Whether the word at `at` denies what follows; "not only" does not."""
    following = words[at + 1][0] if at + 1 < len(words) else ""
    return words[at][0] in negation.removed and following not in negation.not_before
