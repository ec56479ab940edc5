"""How much of the texts is truncated at `max_length`."""

from collections.abc import Mapping
from typing import Any

import torch

from .data.cleaning import Finding
from .data.inputs import Inputs
from .data.table import Table
from .data.tokens import TokenTable
from .models.encoders import EncoderSource
from .tasks.batch import Examples
from .tasks.task import Task


def cut_texts(
    tasks: Mapping[str, Task[Any]],
    tables: Mapping[str, Table],
    examples: Mapping[str, Examples],
    encoder: EncoderSource,
    max_length: int,
) -> list[Finding]:
    """One finding for each table in which rows are longer than `max_length` tokens, with the share of tokens lost.

    Args:
        tasks: by name.
        tables: rows of some of them; tasks that read the same texts of one source are told of once.
        examples: the same rows as tensors.
        encoder: whose tokens count.
        max_length: tokens that are read of a row, special ones included.
    """
    found: list[Finding | None] = []
    told: dict[str, set[str]] = {}
    for name, table in tables.items():
        inputs, known = tasks[name].inputs(table), told.setdefault(table.source, set())
        if not known.issuperset(inputs.texts):
            known.update(inputs.texts)
            found.append(_cut(table, inputs, examples[name].tokens, encoder, max_length))
    return [finding for finding in found if finding is not None]


def _cut(table: Table, inputs: Inputs, tokens: TokenTable, encoder: EncoderSource, max_length: int) -> Finding | None:
    full = [row for row, length in enumerate(tokens.lengths.tolist()) if length >= max_length]  # only these may be cut
    if not full:
        return None
    first = [inputs.first[row] for row in full]
    second = None if inputs.second is None else [inputs.second[row] for row in full]
    ids = encoder.tokenizer(first, second, truncation=False, verbose=False)["input_ids"]
    lost = torch.tensor([max(0, len(row) - max_length) for row in ids])
    if not lost.any():
        return None
    share = float(lost.sum() / (tokens.lengths.sum() + lost.sum()))
    what = f"{table.source}: text cut at max_length {max_length} ({_percent(share)} of all tokens lost)"
    longer = first if second is None else [max(pair, key=len) for pair in zip(first, second, strict=True)]
    return Finding.of(what, [longer[row] for row in lost.nonzero().flatten().tolist()], "noted")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share >= 0.001 else "less than 0.1%"
