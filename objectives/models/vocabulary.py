"""Trimming the embedding table to the tokens that a study can see, and growing it back.

Half of a small encoder is rows of its embedding table that no batch ever names. They get no gradient,
so leaving them out changes nothing (weight decay aside) and spares the optimizer the work. Where the table
is also an output layer (masked_lm), the softmax runs over the kept tokens only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

_LOW_IDS = 256
"""Ids below the padding id are kept where there are at most so many, so that padding keeps its number."""


@dataclass(frozen=True)
class Vocabulary:
    """The kept tokens: `kept` (size,) int64, rising, holds each new id's old id."""

    kept: torch.Tensor
    full_size: int

    @property
    def size(self) -> int:
        return len(self.kept)

    @property
    def new_ids(self) -> torch.Tensor:
        """(full size,) int64: each old id's new id; 0 for the tokens that are gone, which no text holds."""
        table = torch.zeros(self.full_size, dtype=torch.int64)
        table[self.kept] = torch.arange(self.size)
        return table

    def trim(self, table: nn.Embedding) -> None:
        """Cut the rows of an embedding table in place."""
        table.weight = nn.Parameter(table.weight.detach()[self.kept].clone())
        table.num_embeddings = self.size
        padding = table.padding_idx
        table.padding_idx = int(self.new_ids[padding]) if padding is not None and padding in self.kept else None

    def tie(self, head: nn.Module, output: nn.Linear, table: nn.Embedding) -> None:
        """Let a head's output layer use the (trimmed) input table, and cut its bias wherever it is shared."""
        output.weight, output.out_features = table.weight, table.num_embeddings
        bias = output.bias
        if bias is None or len(bias) == self.size:  # pyright: ignore[reportUnnecessaryComparison]
            return
        trimmed = nn.Parameter(bias.detach()[self.kept].clone())
        for module in head.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                if parameter is bias:
                    module.register_parameter(name, trimmed)

    def restore(self, trained: torch.Tensor, full: torch.Tensor) -> torch.Tensor:
        """The full table (full size, …) with its kept rows as trained (size, …)."""
        return full.index_copy(0, self.kept, trained.to(full.dtype))


def full_vocabulary(size: int) -> Vocabulary:
    """Nothing trimmed."""
    return Vocabulary(torch.arange(size), size)


def seen_vocabulary(ids: Iterable[torch.Tensor], tokenizer: PreTrainedTokenizerFast, size: int) -> Vocabulary:
    """The tokens of all these texts, each (tokens,) int64, and the special ones."""
    seen = torch.zeros(size, dtype=torch.bool)
    for found in ids:
        seen[found] = True
    seen[[i for i in tokenizer.all_special_ids if i < size]] = True
    pad = tokenizer.pad_token_id
    if isinstance(pad, int) and pad <= _LOW_IDS:
        seen[: pad + 1] = True
    return Vocabulary(seen.nonzero().squeeze(1), size)


def input_table(model: PreTrainedModel) -> nn.Embedding:
    """The model's token embeddings."""
    table = model.get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return table
