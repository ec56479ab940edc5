"""The study's own vocabulary: which tokens its models know, and their ids."""

from collections.abc import Sequence
from itertools import chain

import torch

from .data.targets import IGNORED, TextTargets
from .data.tokens import TokenTable, end_of_text
from .models.encoders import EncoderSource
from .models.vocabulary import Vocabulary, full_vocabulary, input_table, named_ids, seen_vocabulary
from .settings import ObjectiveSettings
from .tasks.batch import Examples, TextCodes


def study_vocabulary(
    settings: ObjectiveSettings, encoder: EncoderSource, tables: Sequence[TokenTable], every: Sequence[Examples]
) -> Vocabulary:
    """The tokens that any row or variant has, or the whole vocabulary where it is not trimmed.

    Args:
        settings: whether it is.
        encoder: whose vocabulary; one from scratch has no other tokens.
        tables: all rows that are read, variants included, in the tokenizer's own numbers.
        every: all rows of all tasks; what these write must be known too.
    """
    size: int = encoder.config.get_text_config().vocab_size
    if not settings.model.trim_vocabulary or encoder.location is None:
        return full_vocabulary(size)
    written = [found.targets for found in every if isinstance(found.targets, TextTargets)]
    ids = [table.ids.long() for table in tables] + [targets.values[targets.values != IGNORED] for targets in written]
    return seen_vocabulary(ids, encoder.tokenizer, size, chain.from_iterable(named_ids(encoder.config).values()))


def text_codes(encoder: EncoderSource, vocabulary: Vocabulary) -> TextCodes:
    """What tasks may need to know of a study's tokens, in the numbers of its vocabulary."""
    numbers, tokenizer = vocabulary.new_ids, encoder.tokenizer
    special = [i for i in tokenizer.all_special_ids if i < vocabulary.full_size]
    mask = tokenizer.mask_token_id
    separator = end_of_text(tokenizer) if encoder.family == "decoder" else None
    return TextCodes(
        size=vocabulary.size,
        mask=int(numbers[mask]) if isinstance(mask, int) else None,
        special=numbers[torch.tensor(special, dtype=torch.int64)],
        pad=int(numbers[encoder.pad]),
        original=vocabulary.kept,
        tokenizer=tokenizer,
        separator=None if separator is None else int(numbers[separator]),
        width=input_table(encoder.outline()).embedding_dim,
    )
