"""The bank: what every text operation makes of the training texts, tokenised ahead of training.

One table holds the original rows and, after them, a copy of all rows for each (operation, magnitude,
replica). A trial's mix is then nothing but a choice of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from ...spaces.augmentation import AugmentationSpace
from ..caching import cached_tensors, content_hash
from ..data.tokens import TokenTable, concatenate, encode, tokenizer_fingerprint
from .bank import TEXT_OPERATIONS, generate

VariantKey = tuple[str, float]
"""An operation and its magnitude."""


@dataclass(frozen=True)
class TokenBank:
    """`tokens`: the original rows first; `variants`: for each key, where each replica's copy of row 0 stands."""

    tokens: TokenTable
    rows: int
    variants: dict[VariantKey, torch.Tensor]

    def mapped(self, table: torch.Tensor) -> "TokenBank":
        """The same rows in another numbering of the tokens."""
        return TokenBank(self.tokens.mapped(table), self.rows, self.variants)


def build_bank(
    texts: Sequence[str],
    original: TokenTable,
    space: AugmentationSpace,
    tokenizer: PreTrainedTokenizerFast,
    max_length: int,
    seed: int,
) -> TokenBank:
    """Generate and tokenise every variant that a mix of this space can ask for; from the cache where known."""
    tables, variants = [original], dict[VariantKey, torch.Tensor]()
    common = [tokenizer_fingerprint(tokenizer), str(max_length), str(seed), *texts]
    for name in space.operations:
        if name not in TEXT_OPERATIONS:
            continue
        for magnitude in space.magnitudes:
            first = len(tables)
            variants[name, magnitude] = torch.arange(first, first + space.replicas) * len(texts)
            for replica in range(space.replicas):
                key = content_hash(
                    ["bank 1", name, str(TEXT_OPERATIONS[name].version), repr(magnitude), str(replica), *common]
                )

                def make(
                    name: str = name, magnitude: float = magnitude, replica: int = replica
                ) -> dict[str, torch.Tensor]:
                    return encode(generate(texts, name, magnitude, replica, seed), tokenizer, max_length)

                tables.append(TokenTable(**cached_tensors("bank", key, make)))
    return TokenBank(concatenate(tables), len(texts), variants)
