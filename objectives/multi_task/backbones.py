"""The shared backbone of every family: encoder-only, decoder-only, encoder–decoder. One pass serves many heads.

Encoder states are computed once; a decoder runs only for the heads that read it, over what they give it.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModel, Cache, PreTrainedModel

from ..models.borrowed import Decode, Encoded, has_halves
from ..models.encoders import family_of
from ..models.vocabulary import input_table
from ..tasks.batch import Batch


def backbone_of(model: PreTrainedModel) -> PreTrainedModel:
    """A model's backbone with its weights; where the model holds the parts itself (T5's), one put together of them."""
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    if base is not model:
        return base
    with torch.device("meta"):
        frame = AutoModel.from_config(model.config, trust_remote_code=False)
    for name, part in model.named_children():
        if hasattr(frame, name):
            setattr(frame, name, part)
    return frame


def graft(backbone: PreTrainedModel, other: PreTrainedModel) -> None:
    """Give a backbone the parts that only another one has (a pooler, a decoder), reading the same token table."""
    table, others = input_table(backbone), input_table(other)
    own = {name for name, _ in backbone.named_children()}
    for name, part in other.named_children():
        if name in own:
            continue
        for module in part.modules():
            if isinstance(module, nn.Embedding) and module.weight is others.weight:
                module.weight = table.weight
        setattr(backbone, name, part)


def encode(backbone: PreTrainedModel, batches: Sequence[Batch]) -> Iterator[Encoded]:
    """What the backbone computes for each of some batches of one length, in one pass."""
    body = _part(backbone, "encoder") if has_halves(backbone) else backbone
    masks = [_blended_mask(batch) for batch in batches]
    tokens = {**_tokens(body, batches), **_places(body, batches)}
    outputs = body(attention_mask=torch.cat(masks).long(), **tokens, **_extras(backbone, batches))
    sizes = [len(batch.ids) for batch in batches]
    pooled = getattr(outputs, "pooler_output", None)
    pools = pooled.split(sizes) if pooled is not None else [None] * len(sizes)
    states = outputs.last_hidden_state.split(sizes)
    for batch, mask, state, pool in zip(batches, masks, states, pools, strict=True):
        yield Encoded(state, pool, _read_ids(backbone, batch), mask, _decoding(backbone, batch, mask, state))


def _part(backbone: PreTrainedModel, name: str) -> PreTrainedModel:
    part = backbone.get_submodule(name)
    assert isinstance(part, PreTrainedModel)
    return part


def _tokens(body: PreTrainedModel, batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
    """Ids; or embeddings, where those of a row are blended or cut."""
    if not any(batch.is_reworked for batch in batches):
        return {"input_ids": torch.cat([batch.ids for batch in batches])}
    table = input_table(body)
    return {"inputs_embeds": torch.cat([_reworked(table(batch.ids), batch, batch.cut_tokens) for batch in batches])}


def _places(body: PreTrainedModel, batches: Sequence[Batch]) -> dict[str, torch.Tensor]:
    """Positions, for RoBERTa and kin, which count them from the padding's number and past padding within a text.

    Theirs would be others for all rows where one is given as embeddings, and where the vocabulary's padding has another
    number than the positions'. A blended row has no ids to count by.
    """
    embeddings = getattr(body, "embeddings", None)
    if not hasattr(embeddings, "create_position_ids_from_inputs_embeds"):
        return {}
    first: int = getattr(embeddings, "padding_idx")  # noqa: B009, no type knows of it
    padding = input_table(body).padding_idx
    ids = torch.cat([batch.ids for batch in batches])
    told = torch.ones_like(ids, dtype=torch.bool) if padding is None else ids != padding
    counted = told.cumsum(1) * told
    blended = [torch.zeros_like(b.mask[:, 0]) if b.keep is None else b.keep < 1 for b in batches]
    in_turn = torch.arange(1, ids.shape[1] + 1, device=ids.device)
    return {"position_ids": first + torch.where(torch.cat(blended).unsqueeze(1), in_turn, counted)}


def _extras(backbone: PreTrainedModel, batches: Sequence[Batch]) -> dict[str, object]:
    """What only some families' forward takes."""
    if family_of(backbone.config) == "decoder":
        return {"use_cache": False}
    if not reads_types(backbone) or all(batch.types is None for batch in batches):
        return {}
    types = [torch.zeros_like(batch.ids) if batch.types is None else batch.types for batch in batches]
    return {"token_type_ids": torch.cat(types)}


def reads_types(backbone: PreTrainedModel) -> bool:
    """Whether the backbone tells the second text of a pair from the first by their tokens' types."""
    return getattr(backbone.config, "type_vocab_size", 0) > 1


def _decoding(backbone: PreTrainedModel, batch: Batch, mask: torch.Tensor, states: torch.Tensor) -> Decode | None:
    """The decoder, reading these encoder states; a blended row's decoder reads both rows' ids, blended.

    A cut batch is of a kind whose decoder reads the text itself again, one place later: so are the cuts.
    """
    if family_of(backbone.config) == "decoder":
        return partial(_read_on, backbone)
    if not has_halves(backbone):
        return None
    decoder = _part(backbone, "decoder")

    def decode(ids: torch.Tensor, cache: Cache | None = None, seen: torch.Tensor | None = None) -> torch.Tensor:
        tokens = {"input_ids": ids}
        if batch.is_reworked:
            cut = None if batch.cut_tokens is None else functional.pad(batch.cut_tokens, (1, -1))
            tokens = {"inputs_embeds": _reworked(input_table(decoder)(ids), batch, cut)}
        return decoder(
            **tokens,
            attention_mask=seen,
            encoder_hidden_states=states,
            encoder_attention_mask=mask.long(),
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state

    return decode


def _read_on(
    backbone: PreTrainedModel, ids: torch.Tensor, cache: Cache | None = None, seen: torch.Tensor | None = None
) -> torch.Tensor:
    """A decoder-only model, behind what it has read; padding within a row takes up no position."""
    places = {}
    if seen is not None:
        positions = (seen.long().cumsum(1) - 1).clamp(min=0)
        places = {"attention_mask": seen.long(), "position_ids": positions[:, -ids.shape[1] :]}
    return backbone(input_ids=ids, past_key_values=cache, use_cache=cache is not None, **places).last_hidden_state


def _reworked(embedded: torch.Tensor, batch: Batch, cut_tokens: torch.Tensor | None) -> torch.Tensor:
    """Embeddings (rows, length, width) of a batch, blended and cut; each row's cuts are its own, not its partner's."""
    blended = _blended(embedded, batch)
    if cut_tokens is None or batch.cut_features is None:
        return blended
    return blended.masked_fill(cut_tokens.unsqueeze(2) | batch.cut_features.unsqueeze(1), 0.0)


def _blended(embedded: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Embeddings (rows, length, width) of a batch, blended with those of each row's partner under mixup."""
    if batch.keep is None or batch.partner is None:
        return embedded
    keep = batch.keep[:, None, None]
    return keep * embedded + (1 - keep) * embedded[batch.partner]


def _blended_mask(batch: Batch) -> torch.Tensor:
    """A blended row's mask covers both its texts."""
    if batch.keep is None or batch.partner is None:
        return batch.mask
    return batch.mask | (batch.mask[batch.partner] & (batch.keep < 1).unsqueeze(1))


def _read_ids(backbone: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Where heads look for the last token. A decoder-only model has read a blended row at the longer text's end."""
    if batch.keep is None or batch.partner is None or family_of(backbone.config) != "decoder":
        return batch.ids
    lengths = batch.mask.sum(1)
    longer = (batch.keep < 1) & (lengths[batch.partner] > lengths)
    return torch.where(longer.unsqueeze(1), batch.ids[batch.partner], batch.ids)
