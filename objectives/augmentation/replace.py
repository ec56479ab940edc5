"""Words replaced by words of about the same meaning."""

import random
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from ...spaces.augmentation import AugmentationSpace
from ..places import place_of
from .function_words import carries_meaning
from .lexicon import Words, read_lexicon
from .neighbours import neighbours_in_encoder
from .operation import Resources, RuleOperation
from .segmenting import Segmenter
from .words import core, like, pieces, touched, word_positions


class Replace(RuleOperation):
    """Puts a synonym in a word's place (EDA, Wei & Zou 2019, https://arxiv.org/abs/1901.11196), in the word's case.

    Synonyms come from a lexicon, whose earlier ones are likelier to be drawn; in scripts without blanks words are found
    by longest match, and have two characters or more. Without a lexicon they are the nearest words in the encoder's
    input embeddings: often the same kind of word rather than the same meaning. Function words stay.
    """

    name: ClassVar[str] = "replace"
    version: ClassVar[int] = 2
    magnitude: ClassVar[str] = "the share of words that are replaced, rounded up, as far as synonyms are known"
    keeps_words: ClassVar[bool] = True

    def __init__(self, synonyms: Words, content: str) -> None:
        """`synonyms` by word, in lower case where the word has such; `content`: a hash of where they come from."""
        self._synonyms = synonyms
        self._content = content
        self._segmenter = Segmenter(synonyms)

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        if space.replace.lexicon is None:
            return cls(*neighbours_in_encoder(resources))
        lexicon = read_lexicon(place_of(space.replace.lexicon, resources.base), "space.augmentation.replace.lexicon")
        return cls(lexicon.synonyms, lexicon.content)

    @property
    def fingerprint(self) -> str:
        return f"{self.version}-{self._content}"

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        if magnitude == 0:
            return text
        parts = self._segmenter.joined(pieces(text))
        return "".join(self._replaced(parts, word_positions(parts), magnitude, generator, bool))

    def apply_words(self, words: Sequence[str], magnitude: float, generator: random.Random) -> list[str]:
        return self._replaced(list(words), list(range(len(words))), magnitude, generator, _is_one_word)

    def _replaced(
        self,
        parts: list[str],
        positions: list[int],
        magnitude: float,
        generator: random.Random,
        fits: Callable[[str], bool],
    ) -> list[str]:
        """`parts` with a share of those at `positions` replaced, each by a synonym that fits."""
        known = [(at, found) for at in positions if (found := list(filter(fits, self._of(parts[at]))))]
        generator.shuffle(known)
        for at, found in known[: touched(len(positions), magnitude)]:
            before, word, after = core(parts[at])
            earlier = min(generator.randrange(len(found)), generator.randrange(len(found)))
            parts[at] = before + like(found[earlier], word) + after
        return parts

    def _of(self, word: str) -> tuple[str, ...]:
        """The synonyms of a word as it stands in a text."""
        _, letters, _ = core(word)
        if not carries_meaning(letters):
            return ()
        return self._synonyms.get(letters.lower()) or self._synonyms.get(letters, ())


def _is_one_word(synonym: str) -> bool:
    return len(synonym.split()) == 1
