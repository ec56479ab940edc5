"""Counterfactual rows: the text says the opposite, and so does the label."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Self

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import DataError, OperationUnavailable
from ..data.row import Row
from ..places import place_of
from .function_words import carries_meaning
from .languages import language_of
from .lexicon import Lexicon, Words, built_in, built_in_languages, read_lexicon
from .negation import NEGATIONS, Negation, is_negation, negation_before
from .operation import Resources, TextOperation, random_of
from .segmenting import Segmenter
from .turning import Sentence, agree_articles
from .words import touched

_KEY = "space.augmentation.flip"


class Flip(TextOperation):
    """Turns a sentence by antonyms and negation, and its label into the declared opposite.

    After the counterfactuals of Kaushik et al. 2020, https://arxiv.org/abs/1909.12434, by rule instead of by hand.
    Every polar word, one with an antonym, is exchanged for it; a negated one loses its negation instead ("not good" →
    "good"). A text without polar words loses its first negation or, without one, gets one at its first auxiliary ("is"
    → "is not"). A text that needs more changes than the magnitude allows is refused, never turned by half; so is one in
    which there is nothing to turn, one whose label has no opposite, pairs, and rows with tags.
    """

    name: ClassVar[str] = "flip"
    version: ClassVar[int] = 2
    magnitude: ClassVar[str] = "the largest share of a text's words that may be changed, rounded up; more is refused"
    changes_label: ClassVar[bool] = True
    needs_label: ClassVar[bool] = True

    def __init__(self, lexicon: Lexicon, opposites: Mapping[str, str], negation: Negation) -> None:
        polar = (word for word, found in lexicon.antonyms.items() if found and word not in negation.removed)
        self._antonyms: Words = {word: lexicon.antonyms[word] for word in polar}
        self._segmenter = Segmenter({*lexicon.antonyms, *negation.removed, *negation.inserted})
        self._opposites, self._negation = opposites, negation
        self._content = f"{lexicon.content}-{sorted(opposites.items())}-{negation.reach}"

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        """The operation for the language of the rows; the user's lexicon adds words that the built-in one lacks."""
        opposites = _checked(space.flip.opposites, resources.labels)
        language = language_of(space.language, [text for row in resources.rows for text in row.texts])
        lexicon = built_in(language)
        if space.flip.lexicon is not None:
            own = read_lexicon(place_of(space.flip.lexicon, resources.base), f"{_KEY}.lexicon")
            own = replace(own, antonyms={word: own.antonyms[word] for word in filter(carries_meaning, own.antonyms)})
            lexicon = own if lexicon is None else lexicon.joined(own)
        if lexicon is None:
            known = ", ".join(built_in_languages())
            raise OperationUnavailable(
                f"{_KEY}.lexicon: flip has no antonyms for {language!r} (built in: {known}); give a tab-separated "
                "lexicon, or the language if it is one of these (space.augmentation.language)"
            )
        return cls(lexicon, opposites, NEGATIONS.get(language, Negation()))

    @property
    def fingerprint(self) -> str:
        return f"{self.version}-{self._content}"

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        return [self._row(row, magnitude, replica, seed) for row in rows]

    def _row(self, row: Row, magnitude: float, replica: int, seed: int) -> Row | None:
        if row.is_words or len(row.texts) != 1 or row.label is None or row.label not in self._opposites:
            return None
        if magnitude == 0:
            return row
        text = row.texts[0]
        turned = self._turned(text, magnitude, random_of(seed, self.name, replica, text))
        if turned is None or turned == text or not turned.strip():
            return None
        return replace(row, texts=(turned,), label=self._opposites[row.label])

    def _turned(self, text: str, magnitude: float, generator: random.Random) -> str | None:
        sentence = Sentence(text, self._segmenter)
        changes = self._changes(sentence, generator)
        if not changes or len(changes) > touched(len(sentence.words), magnitude):
            return None
        for at, word in changes.items():
            sentence.put(at, word)
        return agree_articles(sentence)

    def _changes(self, sentence: Sentence, generator: random.Random) -> dict[int, str]:
        """What must be put for which words, so that the text says the opposite; empty where nothing is known."""
        words, negation = sentence.words, self._negation
        negated = [at for at in range(len(words)) if is_negation(words, at, negation)]
        changes: dict[int, str] = {}
        for at in (at for at, (word, _) in enumerate(words) if word in self._antonyms):
            by = negation_before(words, at, negation)
            if by is None:
                changes[at] = _early(self._antonyms[words[at][0]], generator)
            else:
                changes[by] = negation.removed[words[by][0]]
        if not changes and negated:
            changes[negated[0]] = negation.removed[words[negated[0]][0]]
        if not changes:
            inserted = [at for at, (word, _) in enumerate(words) if word in negation.inserted][:1]
            changes = {at: negation.inserted[words[at][0]] for at in inserted}
        return changes


def _early(antonyms: Sequence[str], generator: random.Random) -> str:
    """One of the antonyms, the earlier the likelier: the first are the closest."""
    return antonyms[min(generator.randrange(len(antonyms)), generator.randrange(len(antonyms)))]


def _checked(opposites: Mapping[str, str], labels: Sequence[str]) -> Mapping[str, str]:
    """Opposites that are missing are a need; wrong ones are a mistake, which `on_missing: drop` must not hide."""
    known = ", ".join(labels)
    if not opposites:
        example = ", ".join(f"{label}: {other}" for label, other in zip(labels[:2], labels[1::-1], strict=False))
        raise OperationUnavailable(
            f"{_KEY}.opposites: flip needs the opposite of each label, e.g. "
            f"opposites: {{{example or 'positive: negative, negative: positive'}}}; the labels are {known or 'unknown'}"
        )
    if same := [label for label, other in opposites.items() if label == other]:
        raise DataError(f"{_KEY}.opposites: {', '.join(map(repr, same))} cannot be its own opposite")
    wrong = sorted({label for pair in opposites.items() for label in pair} - set(labels))
    if wrong and labels:
        raise DataError(f"{_KEY}.opposites: no such label {', '.join(map(repr, wrong))}; labels: {known}")
    return opposites
