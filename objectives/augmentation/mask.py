"""Words replaced by predictions of a masked language model."""

import random
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import regex
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import OperationUnavailable
from ..caching import content_hash
from ..data.row import Row
from ..models.encoders import quiet_transformers
from ..models.language_models import LanguageModel, open_language_model
from ..models.names import is_scratch
from .operation import Resources, TextOperation, random_of
from .words import WIDE, chosen, like

KEY = "space: augmentation: mask: model"
_HOW = (
    "Name a masked language model there, a Hub id (distilbert/distilbert-base-uncased) or a folder; or leave 'mask' "
    "out of the operations"
)

IDEOGRAPH = regex.compile(rf"{WIDE}\p{{M}}*")
WORD = regex.compile(
    rf"{IDEOGRAPH.pattern}|(?<!\p{{N}})[\p{{L}}--{WIDE}][[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d]--{WIDE}]*"
    rf"(?:['’-][\p{{L}}--{WIDE}][[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d]--{WIDE}]*)*",
    regex.V1,
)
"""A word without the punctuation around it; where no blanks stand between words (Chinese, Japanese), a character."""

TOP = 10
"""Predictions that are drawn from: beyond the first ten, words seldom fit."""
_LOGITS = 2**26
"""Logits of one forward pass, a quarter of a GB: large vocabularies have smaller batches."""


@dataclass
class _Plan:
    """A row as one text, `context`, with some words masked. `spans`: the masked words' places in it, as drawn."""

    row: Row
    context: str
    generator: random.Random
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    words: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    """What comes in the place of the masked words."""

    def masked(self, token: str) -> tuple[str, dict[int, tuple[int, int]]]:
        """The text with `token` for each masked word, and the words by the places of these."""
        parts, places, size, end = list[str](), dict[int, tuple[int, int]](), 0, 0
        for span in sorted(self.spans):
            parts += [self.context[end : span[0]], token]
            size += span[0] - end
            places[size] = span
            size, end = size + len(token), span[1]
        return "".join([*parts, self.context[end:]]), places

    def result(self) -> Row:
        """The row with the new words; texts are joined by one blank in `context`."""
        texts, start = list[str](), 0
        for text in self.row.texts:
            texts.append(self._rewritten(start, start + len(text)))
            start += len(text) + 1
        return replace(self.row, texts=tuple(texts))

    def _rewritten(self, start: int, stop: int) -> str:
        parts = list[str]()
        for left, right in sorted(span for span in self.words if start <= span[0] < stop):
            parts += [self.context[start:left], self.words[left, right]]
            start = right
        return "".join([*parts, self.context[start:stop]])


class Mask(TextOperation):
    """Replaces words by what a masked language model predicts in their place (Kobayashi 2018, arXiv 1805.06201).

    The chosen words are masked together, whole, and each is drawn from the ten most probable predictions that are one
    whole word and not the word itself. The words of all texts of a row are read together. Words behind the window of
    `max_length` tokens stay. Capitals are kept. Nothing makes sure that a new word has the old one's sentiment.

    Batches pad rows, which moves logits by about 1e-6: a draw would differ beside other rows only where it falls
    that near to the border between two words.
    """

    name: ClassVar[str] = "mask"
    version: ClassVar[int] = 2
    magnitude: ClassVar[str] = "the share of words that are masked and predicted anew, rounded up"
    keeps_words: ClassVar[bool] = True
    parallel: ClassVar[bool] = False

    def __init__(self, language: LanguageModel, max_length: int) -> None:
        self._language = language
        self._limit = min(max_length, language.limit or max_length)
        self._words = _vocabulary(language)
        known = [IDEOGRAPH.fullmatch(word) is not None for word in self._words.values()]
        self._tokens = {
            kind: torch.tensor([token for token, one in zip(self._words, known, strict=True) if one is kind])
            for kind in (True, False)
        }

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        name, revision = (space.mask.model, None) if space.mask.model else (resources.encoder, resources.revision)
        if space.mask.model is None and is_scratch(name):
            raise OperationUnavailable(f"{KEY}: the study's encoder {name!r} starts from random weights. {_HOW}")
        try:
            language = open_language_model(name, resources.base, KEY, "encoder", resources.device, revision)
        except OperationUnavailable as error:
            raise OperationUnavailable(f"{error}. {_HOW}" if space.mask.model is None else str(error)) from error
        if not language.tokenizer.is_fast or language.tokenizer.mask_token is None:
            raise OperationUnavailable(f"{KEY}: {name!r} has no fast tokenizer with a mask token. {_HOW}")
        return cls(language, resources.max_length)

    @property
    def fingerprint(self) -> str:
        return content_hash([str(self.version), str(self._limit), self._language.fingerprint])

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        if magnitude == 0:
            return list(rows)
        plans = [self._plan(row, replica, seed) for row in rows]
        for plan, encoding in zip(plans, self._encoded(plan.context for plan in plans), strict=True):
            window = max((end for _, end in encoding.offsets), default=0)
            words = [match.span() for match in WORD.finditer(plan.context, endpos=window)]
            places = chosen(list(range(len(words))), magnitude, plan.generator)
            plan.spans = [words[place] for place in places]
        self._predict([plan for plan in plans if plan.spans])
        return [plan.result() for plan in plans]

    def _plan(self, row: Row, replica: int, seed: int) -> _Plan:
        context = " ".join(row.texts)
        return _Plan(row, context, random_of(seed, self.name, replica, context))

    def _encoded(self, texts: Iterable[str]) -> Sequence[Any]:
        given = list(texts)
        if not given:
            return []
        with quiet_transformers():
            return self._language.tokenizer(given, truncation=True, max_length=self._limit).encodings

    def _predict(self, plans: Sequence[_Plan]) -> None:
        """Fill in `words` of every plan, batch by batch of about one length; a batch's first row is its longest."""
        masked = [plan.masked(self._language.tokenizer.mask_token) for plan in plans]
        encodings = self._encoded(text for text, _ in masked)
        order = sorted(range(len(plans)), key=lambda place: -len(encodings[place].ids))
        size = self._language.model.config.vocab_size
        while order:
            rows = max(_LOGITS // (size * len(encodings[order[0]].ids)), 1)
            batch, order = order[:rows], order[rows:]
            for place, logits in zip(batch, self._logits([encodings[place].ids for place in batch]), strict=True):
                self._fill(plans[place], encodings[place], masked[place][1], logits)

    def _logits(self, ids: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """Of each text the logits of its masked tokens: (masks, vocabulary), fp32, on the CPU."""
        tokenizer, model = self._language.tokenizer, self._language.model
        given = pad_sequence([torch.tensor(row) for row in ids], batch_first=True, padding_value=tokenizer.pad_token_id)
        lengths = torch.tensor([len(row) for row in ids]).unsqueeze(1)
        seen = torch.arange(given.shape[1]) < lengths
        masked = (given == tokenizer.mask_token_id) & seen
        places = masked.to(model.device)
        with torch.inference_mode(), _only_at(model.get_output_embeddings(), places):
            logits = model(given.to(model.device), attention_mask=seen.to(model.device)).logits
        logits = logits[places] if logits.dim() == 3 else logits
        return list(logits.float().cpu().split(masked.sum(1).tolist()))

    def _fill(self, plan: _Plan, encoding: Any, places: dict[int, tuple[int, int]], logits: torch.Tensor) -> None:  # noqa: ANN401
        """Draw the words in the order in which they were chosen; a text may have mask tokens of its own."""
        mask = self._language.tokenizer.mask_token_id
        starts = [offsets for token, offsets in zip(encoding.ids, encoding.offsets, strict=True) if token == mask]
        found = {
            span: logits[number]
            for number, (left, right) in enumerate(starts)
            for place, span in places.items()
            if left <= place < right  # RoBERTa's mask takes the blank before it along
        }
        for span in plan.spans:
            if span in found:
                plan.words[span] = self._drawn(plan.context[slice(*span)], found[span], plan.generator)

    def _drawn(self, word: str, logits: torch.Tensor, generator: random.Random) -> str:
        tokens = self._tokens[IDEOGRAPH.fullmatch(word) is not None]
        if not len(tokens):
            return word
        best = logits[tokens].topk(min(2 * TOP, len(tokens)))  # half of them might be the word itself
        found = [self._words[int(tokens[place])] for place in best.indices]
        others = [place for place, other in enumerate(found) if other.casefold() != word.casefold()][:TOP]
        if not others:
            return word
        weights = best.values[others].double().softmax(0).tolist()
        return like(found[generator.choices(others, weights)[0]], word)


@contextmanager
def _only_at(head: nn.Module | None, places: torch.Tensor) -> Generator[None]:
    """Let the output layer see these places (rows, length) alone: elsewhere it would be half of the work.

    A model that has none of the usual kind gives logits for every place.
    """
    if head is None:
        yield
        return
    handle = head.register_forward_pre_hook(lambda _, given: (given[0][places],))
    try:
        yield
    finally:
        handle.remove()


def _vocabulary(language: LanguageModel) -> dict[int, str]:
    """The tokens that are whole words, with their text: no pieces, no special tokens, no punctuation."""
    tokenizer = language.tokenizer
    size = min(len(tokenizer), language.model.config.vocab_size)
    tokens = tokenizer.convert_ids_to_tokens(list(range(size)))
    texts = [text.strip() for text in tokenizer.batch_decode([[token] for token in range(size)])]
    marked = any(token.startswith(("Ġ", "▁")) for token in tokens)  # byte-level and SentencePiece mark a word's start
    special = set(tokenizer.all_special_ids)
    return {
        number: text
        for number, (token, text) in enumerate(zip(tokens, texts, strict=True))
        if number not in special
        and WORD.fullmatch(text)
        and not token.startswith("##")
        and (not marked or token.startswith(("Ġ", "▁")) or IDEOGRAPH.fullmatch(text))
    }
