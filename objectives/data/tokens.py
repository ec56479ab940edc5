"""Texts as tokens: one flat array and offsets, made once a study, cached on disk by content."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from tokenizers import Encoding
from transformers import PreTrainedTokenizerFast

from ..caching import content_hash
from ..tensor_cache import cached_tensors
from .inputs import Inputs
from .targets import offsets_from, offsets_of, places_of


@dataclass(frozen=True)
class TokenTable:
    """Tokenised texts.

    `ids`: (tokens,) int32, all rows one after another; `offsets`: (rows + 1,) int64; `types`: (tokens,) int8, 1 in
    the second text of a pair, or None where the encoder is not told.
    """

    ids: torch.Tensor
    offsets: torch.Tensor
    types: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> torch.Tensor:
        """Tokens of each row: (rows,) int64."""
        return self.offsets.diff()

    def gather(self, rows: torch.Tensor, length: int, pad: int) -> dict[str, torch.Tensor]:
        """Rows (batch,) as padded parts of a batch: ids (batch, length), mask likewise, and types if there are any."""
        columns = torch.arange(length)
        starts = self.offsets[rows]
        mask = columns < (self.offsets[rows + 1] - starts).unsqueeze(1)
        places = (starts.unsqueeze(1) + columns).clamp_(max=len(self.ids) - 1)
        parts = {"ids": self.ids[places].long().masked_fill_(~mask, pad), "mask": mask}
        if self.types is not None:
            parts["types"] = self.types[places].long().masked_fill_(~mask, 0)
        return parts

    def mapped(self, table: torch.Tensor) -> "TokenTable":
        """The same texts in another numbering: `table` (old vocabulary,) holds each token's new id."""
        return replace(self, ids=table[self.ids.long()].to(torch.int32))

    def take(self, rows: torch.Tensor) -> "TokenTable":
        """Some rows (kept,), as a table of their own."""
        places = places_of(self.offsets, rows)
        types = None if self.types is None else self.types[places]
        return TokenTable(self.ids[places], offsets_of(self.offsets, rows), types)


def concatenate(tables: Sequence[TokenTable]) -> TokenTable:
    """All rows of all tables, in order."""
    offsets = offsets_from(torch.cat([table.lengths for table in tables]))
    types = None
    if any(table.types is not None for table in tables):
        types = torch.cat(
            [torch.zeros_like(table.ids, dtype=torch.int8) if table.types is None else table.types for table in tables]
        )
    return TokenTable(torch.cat([table.ids for table in tables]), offsets, types)


@dataclass(frozen=True)
class Alignment:
    """Where each token of a table stands in its row's texts.

    `segments`: (tokens,) int8, 0 in the first text, 1 in the second, -1 for a special token; `characters`:
    (tokens, 2) int32, first character and the one behind the last.
    """

    segments: torch.Tensor
    characters: torch.Tensor


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Changes with whatever changes a text's tokens and their types.

    Of the state below, truncation and padding are left out: each call sets them anew from what stands beside it, and
    what the last one set is no difference. Nothing is padded here, so the side of padding is none either.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    beside = {
        "truncation_side": tokenizer.truncation_side,
        "split_special_tokens": tokenizer.split_special_tokens,
        "types": _tells_types(tokenizer),
        "nothing": _nothing(tokenizer),
    }
    return content_hash([json.dumps({**state, "truncation": None, "padding": None, "beside": beside}, sort_keys=True)])


def _tells_types(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the encoder is told which text of a pair a token is of: BERT is, DistilBERT of the same words is not."""
    return "token_type_ids" in tokenizer.model_input_names


def _nothing(tokenizer: PreTrainedTokenizerFast) -> int:
    """What stands for a text without a token."""
    return tokenizer.unk_token_id if isinstance(tokenizer.unk_token_id, int) else 0


def end_of_text(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """The token that ends a text: of GPT-2 and T5 their end token, of BERT its separator; None where there is none."""
    ends = (tokenizer.eos_token_id, tokenizer.sep_token_id)
    return next((end for end in ends if isinstance(end, int)), None)


def encode(
    inputs: Inputs, tokenizer: PreTrainedTokenizerFast, max_length: int, *, aligned: bool = False
) -> dict[str, torch.Tensor]:
    """The tensors of a TokenTable: every row with its special tokens, cut to `max_length`, of a pair the longer text.

    With `aligned` those of an Alignment too. A text that leaves no token (the tokenizer has no special ones)
    becomes one unknown token: attention over nothing is NaN.
    """
    found: dict[str, list[int]] = {"ids": [], "types": [], "lengths": [0], "segments": [], "characters": []}
    nothing = [_nothing(tokenizer)]
    for encoding in _encodings(inputs, tokenizer, max_length):
        ids = encoding.ids or nothing
        found["ids"] += ids
        found["lengths"].append(len(ids))
        found["types"] += encoding.type_ids or [0]
        if aligned:
            found["segments"] += [-1 if part is None else part for part in encoding.sequence_ids or [None]]
            found["characters"] += [place for span in encoding.offsets or [(0, 0)] for place in span]
    lengths = torch.tensor(found["lengths"], dtype=torch.int64)
    result = {"ids": torch.tensor(found["ids"], dtype=torch.int32), "offsets": lengths.cumsum(0)}
    if any(found["types"]) and _tells_types(tokenizer):
        result["types"] = torch.tensor(found["types"], dtype=torch.int8)
    if aligned:
        result["segments"] = torch.tensor(found["segments"], dtype=torch.int8)
        result["characters"] = torch.tensor(found["characters"], dtype=torch.int32).reshape(-1, 2)
    return result


def _encodings(inputs: Inputs, tokenizer: PreTrainedTokenizerFast, max_length: int) -> Sequence[Encoding]:
    if not len(inputs):
        return []
    second = None if inputs.second is None else list(inputs.second)
    return tokenizer(list(inputs.first), second, truncation=True, max_length=max_length).encodings or []


def tokenize(inputs: Inputs, tokenizer: PreTrainedTokenizerFast, max_length: int) -> TokenTable:
    """Tokenise all rows; from the cache where they are known."""
    return TokenTable(**_tokenized(inputs, tokenizer, max_length, aligned=False))


def tokenize_aligned(
    inputs: Inputs, tokenizer: PreTrainedTokenizerFast, max_length: int
) -> tuple[TokenTable, Alignment]:
    """Tokenise all rows, and say where each token stands in its text."""
    tensors = _tokenized(inputs, tokenizer, max_length, aligned=True)
    alignment = Alignment(tensors.pop("segments"), tensors.pop("characters"))
    return TokenTable(**tensors), alignment


def _tokenized(
    inputs: Inputs, tokenizer: PreTrainedTokenizerFast, max_length: int, *, aligned: bool
) -> dict[str, torch.Tensor]:
    form = ["tokens 2", "aligned" if aligned else "plain", "pairs" if inputs.second is not None else "texts"]
    key = content_hash([*form, tokenizer_fingerprint(tokenizer), str(max_length), *inputs.texts])
    return cached_tensors("tokens", key, lambda: encode(inputs, tokenizer, max_length, aligned=aligned))
