"""Labels that are probably wrong: those that out-of-fold predictions contradict.

Confident learning (Northcutt et al. 2021, arXiv 1911.00068) as cleanlab implements it, over the out-of-fold predictions
of a logistic regression. It reads a pretrained encoder's frozen, mean-pooled embeddings; where the encoder has random
weights, TF-IDF of its tokens and pairs of tokens.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from transformers import AutoModel

from ..spaces.errors import StudyFileError
from .caching import content_hash
from .data.grouped_splits import grouped_folds
from .data.splits import folds
from .data.tokens import TokenTable
from .models.encoders import EncoderSource
from .tensor_cache import cached_tensors

_Part = tuple[list[int], list[int]]
"""The rows of the rest, and of the part that is held out."""
_PARTS = 5
_BATCH = 32
_PROBED = 4
"""Rows whose embeddings stand for the encoder's weights in the cache's key."""


def check_cleanlab() -> None:
    """StudyFileError: cleanlab is not installed."""
    if find_spec("cleanlab") is None:
        raise StudyFileError("data: clean: suspect_labels: needs cleanlab: pip install 'autotune-mtl[suspects]'")


def suspect_rows(
    tokens: TokenTable, labels: Sequence[str], encoder: EncoderSource, seed: int, groups: Sequence[int] | None = None
) -> list[int]:
    """The rows whose label is suspect.

    Args:
        tokens: the training rows in the tokenizer's own numbers, (rows).
        labels: their labels, (rows).
        encoder: the study's.
        seed: of the cross-validation's parts.
        groups: the group of each row, (rows), which no two parts share; None: each row stands alone.

    Returns:
        Row numbers, ascending; none where a class is too rare, or in too few groups, to be held out.

    Raises:
        StudyFileError: cleanlab is not installed.
    """
    check_cleanlab()
    parts = _parts(labels, groups, seed)
    if not parts:
        return []
    model = None if encoder.location is None else _Embedding(encoder)
    probe = [] if model is None else [repr(model(tokens.take(torch.arange(min(_PROBED, len(tokens))))).tolist())]
    ids = [str(row) for row in _rows(tokens)]
    key = content_hash(["suspects 1", encoder.name, str(seed), str(len(parts)), *probe, *labels, *ids, *_told(groups)])

    def make() -> dict[str, torch.Tensor]:
        features = _tf_idf(tokens) if model is None else model(tokens).numpy()
        return {"rows": torch.tensor(_contradicted(features, labels, parts), dtype=torch.int64)}

    return cached_tensors("suspects", key, make)["rows"].tolist()


def _parts(labels: Sequence[str], groups: Sequence[int] | None, seed: int) -> Sequence[_Part]:
    """The parts of the cross-validation; none where the rest of some part would miss a class."""
    lone = range(len(labels)) if groups is None else groups
    count = min(_PARTS, *Counter(label for label, _ in set(zip(labels, lone, strict=True))).values())
    if count < 2:
        return []
    parts = folds(len(labels), labels, count, seed) if groups is None else grouped_folds(groups, labels, count, seed)
    return parts if all({labels[row] for row in rest} == {*labels} for rest, _ in parts) else []


def _told(groups: Sequence[int] | None) -> list[str]:
    return [] if groups is None else ["groups", *map(str, groups)]


def _contradicted(features: Any, labels: Sequence[str], parts: Sequence[_Part]) -> list[int]:  # noqa: ANN401
    from cleanlab.filter import find_label_issues  # noqa: PLC0415 - an optional package, slow to import

    names = sorted(set(labels))
    numbers = np.array([names.index(label) for label in labels])
    learner = LogisticRegression(max_iter=1000, class_weight="balanced")
    guesses = np.asarray(cross_val_predict(learner, features, numbers, cv=parts, method="predict_proba"))
    return np.flatnonzero(find_label_issues(numbers, guesses, n_jobs=1)).tolist()


def _rows(tokens: TokenTable) -> list[list[int]]:
    return [part.tolist() for part in tokens.ids.split(tokens.lengths.tolist())]


def _tf_idf(tokens: TokenTable) -> Any:  # noqa: ANN401
    """A sparse matrix (rows, tokens and pairs of neighbours)."""
    analyzer: Any = _grams  # the stubs know names only
    return TfidfVectorizer(analyzer=analyzer, sublinear_tf=True).fit_transform(_rows(tokens))


def _grams(ids: Sequence[int]) -> list[str]:
    return [*map(str, ids), *(f"{one} {other}" for one, other in pairwise(ids))]


class _Embedding:
    """Tokens to mean-pooled embeddings (rows, width), by frozen weights on the CPU."""

    def __init__(self, encoder: EncoderSource) -> None:
        model = encoder.build(AutoModel).eval()
        self._model = model.get_encoder() if encoder.family == "encoder-decoder" else model
        self._pad = encoder.pad

    @torch.inference_mode()
    def __call__(self, tokens: TokenTable) -> torch.Tensor:
        order = tokens.lengths.argsort(stable=True)  # rows of one length side by side: little padding
        found = torch.cat([self._batch(tokens, rows) for rows in order.split(_BATCH)])
        return found[order.argsort()]

    def _batch(self, tokens: TokenTable, rows: torch.Tensor) -> torch.Tensor:
        parts = tokens.gather(rows, int(tokens.lengths[rows].max()), self._pad)
        hidden = self._model(input_ids=parts["ids"], attention_mask=parts["mask"].long()).last_hidden_state
        mask = parts["mask"].unsqueeze(2)
        return (hidden * mask).sum(1) / mask.sum(1)
