"""Texts as tokens: one flat array and offsets, made once a study, cached on disk by content."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from ..caching import cached_tensors, content_hash


@dataclass(frozen=True)
class TokenTable:
    """Tokenised texts.

    `ids`: (tokens,) int32, all texts one after another; `offsets`: (rows + 1,) int64.
    """

    ids: torch.Tensor
    offsets: torch.Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> torch.Tensor:
        """Tokens of each row: (rows,) int64."""
        return self.offsets.diff()

    def gather(self, rows: torch.Tensor, length: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (batch,) as a padded batch: ids (batch, length) int64 and mask (batch, length) bool."""
        columns = torch.arange(length)
        mask = columns < self.lengths[rows].unsqueeze(1)
        places = (self.offsets[rows].unsqueeze(1) + columns).clamp_(max=len(self.ids) - 1)
        return self.ids[places].long().masked_fill_(~mask, pad), mask

    def mapped(self, table: torch.Tensor) -> "TokenTable":
        """The same texts in another numbering: `table` (old vocabulary,) holds each token's new id."""
        return TokenTable(table[self.ids.long()].to(torch.int32), self.offsets)


def concatenate(tables: Sequence[TokenTable]) -> TokenTable:
    """All rows of all tables, in order."""
    lengths = torch.cat([table.lengths for table in tables])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    return TokenTable(torch.cat([table.ids for table in tables]), offsets)


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Changes with whatever changes a text's tokens.

    Truncation and padding are left out: each call sets them anew, and what the last one set is no difference.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    return content_hash([json.dumps({**state, "truncation": None, "padding": None}, sort_keys=True)])


def encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int) -> dict[str, torch.Tensor]:
    """The tensors of a TokenTable: every text with its special tokens, cut to `max_length`.

    A text that leaves no token (the tokenizer has no special ones) becomes one unknown token: attention over
    nothing is NaN.
    """
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if texts else []
    nothing = [tokenizer.unk_token_id or 0]
    rows = [row or nothing for row in encoded]
    lengths = torch.tensor([0, *map(len, rows)], dtype=torch.int64)
    flat = [token for row in rows for token in row]
    return {"ids": torch.tensor(flat, dtype=torch.int32), "offsets": lengths.cumsum(0)}


def tokenize(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int) -> TokenTable:
    """Tokenise all texts; from the cache where they are known."""
    key = content_hash(["tokens 1", tokenizer_fingerprint(tokenizer), str(max_length), *texts])
    return TokenTable(**cached_tensors("tokens", key, lambda: encode(texts, tokenizer, max_length)))
