"""New rows of a class, kept only where the baseline agrees."""

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from rapidfuzz import fuzz, process
from transformers import AutoModelForSequenceClassification

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import OperationUnavailable
from ..caching import content_hash
from ..data.cleaning import normalised
from ..data.row import Row
from ..models.encoders import open_encoder, quiet_transformers
from ..models.language_models import LanguageModel, open_language_model
from ..models.names import is_scratch
from ..tensor_cache import tensors_hash
from .ngrams import NGrams
from .operation import Judge, Resources, TextOperation, random_of
from .writing import Prompt, write

KEY = "space: augmentation: synthesize"
TRIES = 4
"""Texts that are written for a row until one is kept."""
NEAR = 90.0
"""Of 100: the similarity (rapidfuzz's ratio) from which a text is a near-copy of a training row."""
_EXAMPLES = 8
"""Rows of the class that a pretrained model is shown."""
_CELLS = 10_000_000
"""Pairs of texts that are compared at once."""


class Writer(Protocol):
    """Writes one text of each label; boldness in (0.5, 1]."""

    def write(self, labels: Sequence[str], boldness: float, generators: Sequence[Random]) -> list[str | None]: ...


class ClassWriter:
    """The n-gram models of all classes, each trained on its rows."""

    def __init__(self, rows: Sequence[Row], limit: int) -> None:
        self._limit = limit
        texts = by_label(rows)
        self._models = {
            label: NGrams(own, [text for other, found in texts.items() if other != label for text in found])
            for label, own in texts.items()
        }

    def write(self, labels: Sequence[str], boldness: float, generators: Sequence[Random]) -> list[str | None]:
        return [
            self._models[label].write(boldness, self._limit, generator) if label in self._models else None
            for label, generator in zip(labels, generators, strict=True)
        ]


class PromptedWriter:
    """A pretrained model that is shown some rows of the class, "label: text" line by line."""

    def __init__(self, language: LanguageModel, rows: Sequence[Row], limit: int) -> None:
        self._language = language
        self._limit = min(limit, (language.limit or 4 * limit) // 2)
        self._texts = {label: sorted(texts) for label, texts in by_label(rows).items()}
        size = len(language.tokenizer)
        texts = language.tokenizer.batch_decode([[token] for token in range(size)])
        self._lines = [token for token, text in enumerate(texts) if "\n" in text]

    def write(self, labels: Sequence[str], boldness: float, generators: Sequence[Random]) -> list[str | None]:
        prompts = [
            Prompt(self._ids(label, generator), self._limit, generator)
            for label, generator in zip(labels, generators, strict=True)
        ]
        return write(self._language, prompts, boldness, self._lines)

    def _ids(self, label: str, generator: Random) -> list[int]:
        """As many examples as leave room for the new text; the last ones count most, so the first ones go."""
        known = self._texts.get(label, [])
        shown = [f"{label}: {' '.join(text.split())}\n" for text in generator.sample(known, min(_EXAMPLES, len(known)))]
        room = self._language.limit - self._limit if self._language.limit else None
        with quiet_transformers():
            lines = [self._language.tokenizer(line, add_special_tokens=False).input_ids for line in shown]
            ids = self._language.tokenizer(f"{label}:", add_special_tokens=False).input_ids
        for line in reversed(lines):
            if room is None or len(line) + len(ids) <= room:
                ids = [*line, *ids]
        return ids[-room:] if room else ids


class Synthesize(TextOperation):
    """Writes a whole new text of a row's class (LAMBADA, Anaby-Tavor et al. 2020, arXiv 1911.03118).

    A text is kept where the baseline gives the row's label at least `agreement`, and where it is no copy or near-copy
    of a training row; after four texts without one the row is refused. By default n-gram models of each class write:
    on a few hundred rows they recombine phrases readably within 0.1 s, where a network from random weights has seen
    too few words to write any. Beside the row a text depends on all training rows, through the models and the
    baseline, but not on their order, nor on the rows that are rewritten with it.
    """

    name: ClassVar[str] = "synthesize"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = (
        "how freely new rows are written: sampling temperature, or weight of shorter contexts, 0.5 + magnitude/2"
    )
    needs_label: ClassVar[bool] = True
    asks_judge: ClassVar[bool] = True
    parallel: ClassVar[bool] = False

    def __init__(self, writer: Writer, resources: Resources, agreement: float, source: str) -> None:
        """`source` changes with the content of the writer, and of the encoder that the baseline begins with."""
        self._writer, self._resources, self._agreement, self._source = writer, resources, agreement, source
        self._places = {label: place for place, label in enumerate(resources.labels)}
        self._known = sorted({normalised(text) for row in resources.rows for text in row.texts})
        self._judge: Judge | None = None

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        if resources.judge is None or not resources.labels:
            raise OperationUnavailable(
                f"{KEY}: there is no baseline that could judge new rows: it takes a study file whose main task is a "
                "classification of one text. Leave 'synthesize' out of the operations"
            )
        settings, limit, encoder = space.synthesize, resources.max_length, _encoder_hash(resources)
        if settings.model is None:
            writer: Writer = ClassWriter(resources.rows, limit)
            return cls(writer, resources, settings.agreement, content_hash(["n-grams", encoder]))
        language = open_language_model(settings.model, resources.base, f"{KEY}: model", "decoder", resources.device)
        writer = PromptedWriter(language, resources.rows, limit)
        return cls(writer, resources, settings.agreement, content_hash([language.fingerprint, encoder]))

    @property
    def fingerprint(self) -> str:
        """The baseline is told by what it is made from, as far as it is known here; its training settings are not."""
        given = self._resources
        rows = sorted(repr((row.texts, row.label)) for row in given.rows)
        settings = [repr((self.version, self._agreement, given.max_length, given.seed, given.encoder, *given.labels))]
        return content_hash([*settings, self._source, *rows])

    def rewrite(self, rows: Sequence[Row], magnitude: float, replica: int, seed: int) -> list[Row | None]:
        if magnitude == 0:
            return list(rows)
        found: list[Row | None] = [None] * len(rows)
        waiting = [place for place, row in enumerate(rows) if row.label in self._places]
        for attempt in range(TRIES):
            labels = [str(rows[place].label) for place in waiting]
            states = [random_of(seed, f"{self.name} {attempt}", replica, repr(rows[place])) for place in waiting]
            texts = self._writer.write(labels, 0.5 + magnitude / 2, states)
            for place, text, label in zip(waiting, self._kept(texts, labels), labels, strict=True):
                found[place] = Row((text,), label) if text is not None else None
            waiting = [place for place in waiting if found[place] is None]
        return found

    def _kept(self, texts: Sequence[str | None], labels: Sequence[str]) -> list[str | None]:
        """The texts that are new and of their label, None for the others."""
        found: list[str | None] = [None] * len(texts)
        written = [(place, text) for place, text in enumerate(texts) if text and text.strip()]
        fresh = self._are_new([text for _, text in written])
        new = [(place, text) for (place, text), one in zip(written, fresh, strict=True) if one]
        if not new:
            return found
        if self._judge is None:
            assert self._resources.judge is not None
            self._judge = self._resources.judge()
        for (place, text), opinion in zip(new, self._judge([text for _, text in new]), strict=True):
            if opinion[self._places[labels[place]]] >= self._agreement:
                found[place] = text
        return found

    def _are_new(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is far enough from every training row; blank after `normalised` is not."""
        keys, found = [normalised(text) for text in texts], list[bool]()
        rows = max(_CELLS // max(len(self._known), 1), 1)
        for first in range(0, len(keys), rows):
            part = keys[first : first + rows]
            alike = process.cdist(part, self._known, scorer=fuzz.ratio, score_cutoff=NEAR, dtype=np.float32)
            found += [bool(key) and not row.any() for key, row in zip(part, alike, strict=True)]
        return found


def _encoder_hash(resources: Resources) -> str:
    """Changes with what the baseline begins with: one name may stand for another encoder, or for another head on it.

    Random weights follow from the name and the seed, which the fingerprint has.

    Raises:
        EncoderError: the encoder, or its weights, cannot be had.
    """
    if is_scratch(resources.encoder):
        return ""
    source = open_encoder(resources.encoder, resources.base, (), resources.max_length, resources.revision)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(resources.seed)  # a head that is not stored must be the same at every start
        model = source.build(AutoModelForSequenceClassification, num_labels=len(resources.labels))
    return content_hash([source.config.to_json_string(), tensors_hash(model.state_dict())])


def by_label(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The texts of each label."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.label is not None:
            found[row.label] += row.texts
    return found
