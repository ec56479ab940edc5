"""Back-translation: to another language and back."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import regex

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import OperationUnavailable
from ..caching import content_hash
from ..data.row import Row
from ..models.encoders import quiet_transformers
from ..models.language_models import LanguageModel, open_language_model
from .operation import Resources, TextOperation, random_of
from .writing import Prompt, write

KEY = "space: augmentation: back_translate"

_BOUNDARY = regex.compile(r"((?<=[.!?…])\s+|(?<=[。！？])\s*|\s*\n\s*)", regex.V1)
_LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True)
class _Part:
    """What is translated at once, and the blanks behind it. Without `letters` it stays as it is."""

    text: str
    gap: str

    @property
    def letters(self) -> bool:
        return _LETTER.search(self.text) is not None


class BackTranslate(TextOperation):
    """Translates a text and translates that back (Sennrich et al. 2016, arXiv 1511.06709; UDA, arXiv 1904.12848).

    Both models sample, as UDA's do: the most probable translation is often the sentence itself. Sentences are
    translated one by one, and one that is longer than a model's window in parts. Sentences that begin behind the first
    `max_length` tokens, which no encoder of the study reads, stay as they are, and so does what has no letters. A row
    is refused where a translation is empty, or has not ended at twice its length.
    """

    name: ClassVar[str] = "back_translate"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "how freely both models choose words: sampling temperature 0.5 + magnitude/2"
    parallel: ClassVar[bool] = False

    def __init__(self, there: LanguageModel, back: LanguageModel, max_length: int) -> None:
        self._models = (there, back)
        self._max_length = max_length

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        given = {"there": space.back_translate.there, "back": space.back_translate.back}
        if missing := [f"{KEY}: {key}" for key, name in given.items() if name is None]:
            raise OperationUnavailable(
                f"{' and '.join(missing)}: missing. Name two translation models, Hub ids or folders, such as "
                "there: Helsinki-NLP/opus-mt-en-de and back: Helsinki-NLP/opus-mt-de-en; or leave 'back_translate' "
                "out of the operations"
            )
        there, back = (
            open_language_model(str(name), resources.base, f"{KEY}: {key}", "encoder-decoder", resources.device)
            for key, name in given.items()
        )
        return cls(there, back, resources.max_length)

    @property
    def fingerprint(self) -> str:
        return content_hash([str(self.version), str(self._max_length), *(model.fingerprint for model in self._models)])

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        if magnitude == 0:
            return list(rows)
        texts = [text for row in rows for text in row.texts]
        generators = [random_of(seed, self.name, replica, text) for text in texts]
        for model in self._models:
            texts = self._translated(model, texts, generators, 0.5 + magnitude / 2)
        found, results = iter(texts), list[Row | None]()
        for row in rows:
            new = [next(found) for _ in row.texts]
            kept = all(after.strip() or not before.strip() for before, after in zip(row.texts, new, strict=True))
            results.append(replace(row, texts=tuple(new)) if kept else None)
        return results

    def _translated(
        self, model: LanguageModel, texts: Sequence[str], generators: Sequence[random.Random], temperature: float
    ) -> list[str]:
        """Each text through one model; empty where a part has no translation."""
        cut = [self._parts(model, text) for text in texts]
        prompts = [
            Prompt(ids, min(2 * len(ids) + 10, model.limit or 2 * self._max_length), _own(generator))
            for (parts, _), generator in zip(cut, generators, strict=True)
            for ids in (_ids(model, part.text) for part in parts if part.letters)
        ]
        written = iter(write(model, prompts, temperature))
        return [_joined(parts, rest, [next(written) for part in parts if part.letters]) for parts, rest in cut]

    def _parts(self, model: LanguageModel, text: str) -> tuple[list[_Part], str]:
        """The parts that are translated, each within the window, and the rest."""
        window = min(self._max_length, model.limit or self._max_length)
        found, tokens, pieces = list[_Part](), 0, _BOUNDARY.split(text)
        waiting = [_Part(piece, gap) for piece, gap in zip(pieces[::2], [*pieces[1::2], ""], strict=True)][::-1]
        while waiting and tokens < self._max_length:
            part = waiting.pop()
            size = len(_ids(model, part.text))
            if size > window and len(part.text) > 1:
                waiting += _halves(part)
            else:
                found.append(part)
                tokens += size
        return found, "".join(part.text + part.gap for part in reversed(waiting))


def _own(generator: random.Random) -> random.Random:
    """A part's state: how much the part before it drew is no matter."""
    return random.Random(generator.getrandbits(64))


def _ids(model: LanguageModel, text: str) -> list[int]:
    with quiet_transformers():
        return model.tokenizer(text).input_ids


def _halves(part: _Part) -> list[_Part]:
    """Both halves, the second first: cut at the blank nearest to the middle, or in the middle."""
    middle = len(part.text) // 2
    gaps = [match.span() for match in regex.finditer(r"(?<=\S)\s+(?=\S)", part.text)]
    left, right = min(gaps, key=lambda gap: abs(gap[0] - middle), default=(middle, middle))
    return [_Part(part.text[right:], part.gap), _Part(part.text[:left], part.text[left:right])]


def _joined(parts: Sequence[_Part], rest: str, written: Sequence[str | None]) -> str:
    if not all(text and text.strip() for text in written):
        return ""
    found = iter(written)
    return "".join((next(found) or "" if part.letters else part.text) + part.gap for part in parts) + rest
