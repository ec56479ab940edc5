"""A text as words that can be replaced one by one, with everything else unchanged."""

from .segmenting import Segmenter
from .words import core, like, pieces, word_positions

_VOWELS = frozenset("aeiou")


class Sentence:
    """A text's words in order; `put` exchanges or, with nothing, deletes one."""

    def __init__(self, text: str, segmenter: Segmenter) -> None:
        """`segmenter`: finds the words of scripts without blanks."""
        self.parts = segmenter.joined(pieces(text))
        self.positions = word_positions(self.parts)
        self.words = self._words()
        """Each word in lower case, without punctuation, and the text between it and the word before."""

    def _words(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        end, rest = 0, ""
        for position in self.positions:
            before, word, after = core(self.parts[position])
            between = rest + "".join(self.parts[end:position]) + before
            found.append((word.lower().replace("’", "'"), between))
            end, rest = position + 1, after
        return found

    def put(self, at: int, word: str) -> None:
        """Write `word` in the place of word `at`, in its case; empty: delete it, with the blank behind it."""
        position = self.positions[at]
        before, old, after = core(self.parts[position])
        self.parts[position] = before + like(word, old) + after
        if word:
            return
        if not self.parts[position] and position + 1 < len(self.parts) and self.parts[position + 1].isspace():
            self.parts[position + 1] = ""
        if old[:1].isupper() and at + 1 < len(self.positions):
            following = self.positions[at + 1]
            before, next_word, after = core(self.parts[following])
            self.parts[following] = before + like(next_word, old if len(next_word) > 1 else "") + after

    @property
    def text(self) -> str:
        """The text as it is now."""
        return "".join(self.parts)


def agree_articles(sentence: Sentence) -> str:
    """The text, with "a" and "an" before a word that was exchanged as the new word wants them."""
    for at, (word, _) in enumerate(sentence.words[:-1]):
        if word not in {"a", "an"}:
            continue
        following = core(sentence.parts[sentence.positions[at + 1]])[1].lower()
        old = sentence.words[at + 1][0]
        if following and following.split()[0] != old:
            sentence.put(at, "an" if following[0] in _VOWELS and not following.startswith("use") else "a")
    return sentence.text
