"""Trimming the embedding table to the tokens that a study can see, and growing it back.

Half of a small encoder is rows of its embedding table that no batch ever names. They get no gradient,
so leaving them out changes nothing (weight decay aside) and spares the optimizer the work. Where the table
is also an output layer (masked_lm), the softmax runs over the kept tokens only.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_LOW_IDS = 256
"""Ids below the padding id are kept where there are at most so many, so that padding keeps its number."""


_BIAS_BUFFER = "final_logits_bias"
"""BART's bias of its output layer: no parameter, yet a number for every token."""


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

    def trim_backbone(self, backbone: PreTrainedModel) -> None:
        """Cut every table of a backbone; those that share their rows still do."""
        trimmed: dict[torch.Tensor, torch.Tensor] = {}
        for table in token_tables(backbone):
            full = table.weight
            self.trim(table)
            table.weight = trimmed.setdefault(full, table.weight)

    def trim_output(self, head: PreTrainedModel, output: nn.Linear, shared: nn.Embedding | None) -> None:
        """Cut a head's output layer and its biases; a layer that shares its rows with a trimmed table keeps to that."""
        cut: dict[torch.Tensor, torch.Tensor] = {}
        cut[output.weight] = shared.weight if shared is not None else self._cut(output.weight)
        bias = output.bias
        if bias is not None and len(bias) != self.size:  # pyright: ignore[reportUnnecessaryComparison]
            cut[bias] = self._cut(bias)
        for module in head.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                if parameter in cut:
                    setattr(module, name, cut[parameter])
        output.out_features = self.size
        if isinstance(biases := getattr(head, _BIAS_BUFFER, None), torch.Tensor):
            setattr(head, _BIAS_BUFFER, biases[:, self.kept].clone())

    def _cut(self, full: torch.Tensor) -> nn.Parameter:
        return nn.Parameter(full.detach()[self.kept].clone())

    def renumbered(self, config: PreTrainedConfig) -> PreTrainedConfig:
        """A copy of a config whose special tokens have their new ids, for what looks for them in a text."""
        copied, numbers = copy.deepcopy(config), self.new_ids
        for name, value in named_ids(config).items():
            new = [int(numbers[i]) for i in value]
            setattr(copied, name, new if isinstance(getattr(config, name), list) else new[0])
        return copied

    def restore(self, trained: torch.Tensor, full: torch.Tensor) -> torch.Tensor:
        """The full table (full size, …) with its kept rows as trained (size, …)."""
        return full.index_copy(0, self.kept, trained.to(full.dtype))


def full_vocabulary(size: int) -> Vocabulary:
    """Nothing trimmed."""
    return Vocabulary(torch.arange(size), size)


def named_ids(config: PreTrainedConfig) -> Mapping[str, Sequence[int]]:
    """The tokens that a config names (padding, end, the decoder's start, …), by its key."""
    found = {name: value for name, value in config.to_dict().items() if name.endswith("_token_id")}
    lists = {name: ids if isinstance(ids, list) else [ids] for name, ids in found.items() if ids is not None}
    return {name: ids for name, ids in lists.items() if all(0 <= i < config.get_text_config().vocab_size for i in ids)}


def seen_vocabulary(
    ids: Iterable[torch.Tensor], tokenizer: PreTrainedTokenizerFast, size: int, named: Iterable[int]
) -> Vocabulary:
    """The tokens of all these texts, each (tokens,) int64, the special ones, and those that the config names."""
    seen = torch.zeros(size, dtype=torch.bool)
    for found in ids:
        seen[found] = True
    seen[[i for i in tokenizer.all_special_ids if i < size]] = True
    seen[list(named)] = True
    pad = tokenizer.pad_token_id
    if isinstance(pad, int) and pad <= _LOW_IDS:
        seen[: pad + 1] = True
    return Vocabulary(seen.nonzero().squeeze(1), size)


def input_table(model: PreTrainedModel) -> nn.Embedding:
    """The model's token embeddings."""
    table = model.get_input_embeddings()
    assert isinstance(table, nn.Embedding)
    return table


def token_tables(backbone: PreTrainedModel) -> list[nn.Embedding]:
    """Every module that looks tokens up; an encoder–decoder has three, mostly of the same rows."""
    halves = [part for name, part in backbone.named_children() if name in ("encoder", "decoder")]
    parts = [backbone, *(half for half in halves if isinstance(half, PreTrainedModel))]
    return list({id(table): table for table in map(input_table, parts)}.values())


def table_names(backbone: PreTrainedModel) -> set[str]:
    """Names of a backbone's parameters that have a row for every token."""
    return _names(backbone, {table.weight for table in token_tables(backbone)})


def output_names(model: PreTrainedModel) -> set[str]:
    """Names of a whole model's parameters that make up its output layer over all tokens, if it has one."""
    output = model.get_output_embeddings()
    return _names(model, {output.weight, output.bias}) if isinstance(output, nn.Linear) else set()


def _names(model: nn.Module, chosen: set[torch.Tensor]) -> set[str]:
    return {name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter in chosen}
