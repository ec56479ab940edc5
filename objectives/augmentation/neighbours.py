"""The words nearest to a word in an encoder's input embedding table, by cosine."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch.nn.functional import normalize
from transformers import AutoModel, PreTrainedTokenizerFast

from ..caching import content_hash
from ..data.tokens import tokenizer_fingerprint
from ..models.encoders import EncoderSource, open_encoder
from ..models.names import is_scratch
from ..tensor_cache import cached_tensors, tensors_hash
from .lexicon import Words
from .operation import Resources
from .words import core, pieces

NEIGHBOURS = 5
"""How many a word keeps."""
_LOOKED_AT = 4 * NEIGHBOURS
"""Some of the nearest tokens are the word itself in another case."""
_AT_ONCE = 256
"""Words whose cosines with the whole vocabulary are in memory together."""


def neighbours_in_encoder(resources: Resources) -> tuple[Words, str]:
    """The nearest words of every word in the rows that is one token, and a hash of the encoder's table.

    Word pieces, special tokens, single letters and the word itself in another case are no neighbours.

    Raises:
        EncoderError: the encoder, or its weights, cannot be had.
    """
    texts = [text for row in resources.rows for text in row.texts]
    source = open_encoder(resources.encoder, resources.base, texts, resources.max_length, resources.revision)
    if is_scratch(resources.encoder):
        resources.say(
            f"replace: {resources.encoder} begins with random embeddings, so neighbours are arbitrary words; "
            "a lexicon is better (space.augmentation.replace.lexicon)"
        )
    table = _table(source, resources.seed)
    content = content_hash([tokenizer_fingerprint(source.tokenizer), tensors_hash({"table": table})])
    found = _cached(_words(texts), table, source.tokenizer, content)
    if not found:
        resources.say(
            "replace: no word of the rows is one token of the encoder, so nothing will be replaced; "
            "give a lexicon (space.augmentation.replace.lexicon)"
        )
    return found, content


def _words(texts: Sequence[str]) -> list[str]:
    distinct = {piece for text in texts for piece in pieces(text)}
    found = {core(piece)[1] for piece in distinct}
    return sorted(word for word in {*found, *map(str.lower, found)} if len(word) > 1 and word.isalpha())


def _cached(words: list[str], table: torch.Tensor, tokenizer: PreTrainedTokenizerFast, content: str) -> Words:
    key = content_hash(["neighbours 1", content, *words])
    nearest = cached_tensors("neighbours", key, lambda: _nearest(words, table, tokenizer))
    used = nearest["neighbours"].unique()
    names = {int(token): str(tokenizer.decode([int(token)])).strip() for token in used}
    rows = zip(nearest["words"].tolist(), nearest["neighbours"].tolist(), strict=True)
    return {words[at]: _others(words[at], [names[token] for token in tokens]) for at, tokens in rows}


def _others(word: str, names: Sequence[str]) -> tuple[str, ...]:
    by_case = {name.lower(): name for name in reversed(names) if name.lower() != word.lower()}
    return tuple(reversed(by_case.values()))[:NEIGHBOURS]


def _nearest(words: list[str], table: torch.Tensor, tokenizer: PreTrainedTokenizerFast) -> dict[str, torch.Tensor]:
    """`words` (found,): indices of those that are one token; `neighbours` (found, looked at): tokens; both int64."""
    vocabulary = _whole_words(tokenizer, len(table))
    if not words or not len(vocabulary):
        return {"words": torch.zeros(0, dtype=torch.int64), "neighbours": torch.zeros(0, 0, dtype=torch.int64)}
    tokens = _tokens(words, tokenizer)
    known = [at for at, token in enumerate(tokens) if token is not None]
    directions = normalize(table[vocabulary], dim=1)
    wanted = normalize(table[[tokens[at] or 0 for at in known]], dim=1)
    count = min(_LOOKED_AT, len(vocabulary))
    nearest = [(rows @ directions.T).topk(count, dim=1).indices for rows in wanted.split(_AT_ONCE)]
    places = torch.cat(nearest)
    return {"words": torch.tensor(known, dtype=torch.int64), "neighbours": vocabulary[places]}


def _whole_words(tokenizer: PreTrainedTokenizerFast, rows: int) -> torch.Tensor:
    """The tokens (words,) int64 that are words of two letters or more, and not pieces of longer ones."""
    size = min(len(tokenizer), rows)
    spelled = [text.strip() for text in tokenizer.batch_decode([[token] for token in range(size)])]
    candidates = [token for token, text in enumerate(spelled) if len(text) > 1 and text.isalpha()]
    written = _tokens([spelled[token] for token in candidates], tokenizer)
    special = set(tokenizer.all_special_ids)
    kept = [token for token, again in zip(candidates, written, strict=True) if token == again and token not in special]
    return torch.tensor(kept, dtype=torch.int64)


def _tokens(words: Sequence[str], tokenizer: PreTrainedTokenizerFast) -> list[int | None]:
    """The token of each word that is a single one, as it is written within a text: after a blank."""
    if not words:
        return []
    encoded = tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
    unknown = tokenizer.unk_token_id
    return [ids[0] if len(ids) == 1 and ids[0] != unknown else None for ids in encoded]


def _table(source: EncoderSource, seed: int) -> torch.Tensor:
    """The input embeddings (vocabulary, hidden) in fp32; of the file alone where it is on this disk."""
    stored = _stored_table(source)
    if stored is not None:
        return stored.float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embeddings = source.build(AutoModel).get_input_embeddings()
    return torch.cat(list(embeddings.parameters())).detach()


def _stored_table(source: EncoderSource) -> torch.Tensor | None:
    outline = source.outline()
    embeddings = outline.get_input_embeddings()
    name = next((f"{name}.weight" for name, module in outline.named_modules() if module is embeddings), "")
    for file in sorted(Path(source.location or "").glob("*.safetensors")) if source.location else []:
        try:
            with safe_open(file, "pt") as tensors:
                keys = [key for key in tensors.keys() if key == name or key.endswith(f".{name}")]  # noqa: SIM118
                if len(keys) == 1:
                    return tensors.get_tensor(keys[0])
        except (OSError, SafetensorError):
            return None
    return None
