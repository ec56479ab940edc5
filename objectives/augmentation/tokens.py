"""The bank: what every text operation makes of the training texts, tokenised ahead of training.

One table holds the original rows and, after them, a copy of all rows for each (operation, magnitude,
replica). A trial's mix is then nothing but a choice of rows.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from ...spaces.augmentation import AugmentationSpace
from ..caching import cached_tensors, content_hash
from ..data.inputs import Inputs
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

    def take(self, rows: torch.Tensor) -> "TokenBank":
        """Some rows (kept,) and all their variants, as a bank of their own."""
        starts = [0, *(int(start) for starts in self.variants.values() for start in starts)]
        tokens = self.tokens.take(torch.cat([rows + start for start in starts]))
        places = {start: place * len(rows) for place, start in enumerate(starts)}
        variants = {key: torch.tensor([places[int(start)] for start in found]) for key, found in self.variants.items()}
        return TokenBank(tokens, len(rows), variants)

    def mapped(self, table: torch.Tensor) -> "TokenBank":
        """The same rows in another numbering of the tokens."""
        return TokenBank(self.tokens.mapped(table), self.rows, self.variants)


def build_bank(
    inputs: Inputs,
    original: TokenTable,
    space: AugmentationSpace,
    tokenizer: PreTrainedTokenizerFast,
    max_length: int,
    seed: int,
) -> TokenBank:
    """Generate and tokenise every variant that a mix of this space can ask for; from the cache where known."""
    tables, variants = [original], dict[VariantKey, torch.Tensor]()
    common = [tokenizer_fingerprint(tokenizer), str(max_length), str(seed), *inputs.texts]
    for name in space.operations:
        if name not in TEXT_OPERATIONS:
            continue
        for magnitude in space.magnitudes:
            first = len(tables)
            variants[name, magnitude] = torch.arange(first, first + space.replicas) * len(inputs)
            for replica in range(space.replicas):
                key = content_hash(
                    ["bank 2", name, str(TEXT_OPERATIONS[name].version), repr(magnitude), str(replica), *common]
                )

                def make(
                    name: str = name, magnitude: float = magnitude, replica: int = replica
                ) -> dict[str, torch.Tensor]:
                    rewritten = inputs.rewritten(lambda texts: generate(texts, name, magnitude, replica, seed))
                    return encode(rewritten, tokenizer, max_length)

                tables.append(TokenTable(**cached_tensors("bank", key, make)))
    return TokenBank(concatenate(tables), len(inputs), variants)
