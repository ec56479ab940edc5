"""Heads borrowed from transformers' own classes, fed with what the shared backbone has already computed.

A main head must have the structure that production opens, for every architecture. So a head *is* the
transformers model (BertForSequenceClassification, T5ForQuestionAnswering, …) with its backbone replaced by
stand-ins: they hand back finished states, and run the shared decoder for the heads that read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import nn
from transformers import Cache, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import (
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    Seq2SeqModelOutput,
    SequenceClassifierOutput,
)


class Decode(Protocol):
    """Runs a decoder: ids (rows, new) -> states (rows, new, width).

    That of an encoder–decoder reads the batch's encoder states; a decoder-only model reads nothing but what it is
    given. With a `cache` the ids stand behind those of earlier calls. `seen` (rows, earlier and new) bool is False
    on padding that nothing may look at; None: there is none.
    """

    def __call__(
        self, ids: torch.Tensor, cache: Cache | None = None, seen: torch.Tensor | None = None
    ) -> torch.Tensor: ...


@dataclass(frozen=True)
class Encoded:
    """What the shared backbone computed for a batch.

    `last_hidden_state` (rows, length, width): of an encoder, or of a decoder-only model; `pooler_output` (rows,
    width) or None; `ids` (rows, length) int64, in which heads look for a text's last token, and `mask` (rows, length)
    bool, True on tokens. `decode` runs a decoder; None for encoders. `shares`: where the states are those of several
    trials, unequally many of each, how many are each one's.
    """

    last_hidden_state: torch.Tensor
    pooler_output: torch.Tensor | None = None
    ids: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    decode: Decode | None = None
    shares: Sequence[int] | None = None

    def in_fp32(self) -> "Encoded":
        """The same for a head that is computed in fp32 where autocast is on; a decoder that runs for it is not."""
        pooled = None if self.pooler_output is None else self.pooler_output.float()
        decode = None if self.decode is None else _as_now(self.decode, self.last_hidden_state.device.type)
        return replace(self, last_hidden_state=self.last_hidden_state.float(), pooler_output=pooled, decode=decode)

    def decoded(self, ids: torch.Tensor | None, cache: Cache | None) -> torch.Tensor:
        """The decoder's states for ids; where there is no decoder to run, the states as they are."""
        return self.last_hidden_state if self.decode is None or ids is None else self.decode(ids, cache)


def _as_now(decode: Decode, device: str) -> Decode:
    """A decoder that computes under the autocast of now, whenever it is called; its states are in fp32."""
    precision = torch.get_autocast_dtype(device)

    def run(ids: torch.Tensor, cache: Cache | None = None, seen: torch.Tensor | None = None) -> torch.Tensor:
        with torch.autocast(device, precision):
            return decode(ids, cache, seen).float()

    return run


class _StandIn(nn.Module):
    """Stands where a backbone, or a part of one, stood."""

    config: PreTrainedConfig | None = None
    """What stood here had; a class with a decoder of its own looks up the width."""
    encoded: Encoded | None = None

    @property
    def finished(self) -> Encoded:
        assert self.encoded is not None
        return self.encoded


class _Encoder(_StandIn):
    """For an encoder, or a whole decoder-only model."""

    @property
    def decoder(self) -> "_Encoder":
        """OPT's language model calls a part of its backbone instead of the backbone."""
        return self

    def forward(self, *_: object, **__: object) -> BaseModelOutputWithPoolingAndCrossAttentions:
        found = self.finished
        return BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=found.last_hidden_state, pooler_output=found.pooler_output
        )  # pyright: ignore[reportCallIssue]


class _Decoder(_StandIn):
    """For a decoder that a head's class calls by itself."""

    def forward(
        self, input_ids: torch.Tensor | None = None, past_key_values: Cache | None = None, **_: object
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        states = self.finished.decoded(input_ids, past_key_values)
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=states)


class _EncoderDecoder(_StandIn):
    """For an encoder and its decoder."""

    def forward(
        self,
        *_: object,
        decoder_input_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        **__: object,
    ) -> Seq2SeqModelOutput:
        states = self.finished.decoded(decoder_input_ids, past_key_values)
        return Seq2SeqModelOutput(last_hidden_state=states, encoder_last_hidden_state=self.finished.last_hidden_state)


class BorrowedHead(nn.Module):
    """All of a transformers model but its backbone."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the head's layers out of `model`, which must not be used any more."""
        super().__init__()
        # Where autocast is on, of two close logits in bf16 one in seventy is a tie; a head over the vocabulary is
        # half of a step, a narrow one costs nothing in fp32.
        self.is_narrow = model.get_output_embeddings() is None
        self._stand_ins = _replace_backbone(model)
        self.model = model

    def forward(self, encoded: Encoded, **inputs: torch.Tensor) -> torch.Tensor:
        """The head's logits for finished states; `inputs` are what the model's forward also reads.

        With `decoder_input_ids` (rows, target length) a language-model head gives (rows, target length, vocabulary).
        """
        return self.outputs(encoded, **inputs).logits

    def outputs(self, encoded: Encoded, **inputs: torch.Tensor) -> Any:  # noqa: ANN401
        """All that the model's forward returns, for heads that give more than logits."""
        device = encoded.last_hidden_state.device.type
        if not (self.is_narrow and torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return self._computed(encoded, inputs)
        with torch.autocast(device, enabled=False):
            return self._computed(encoded.in_fp32(), inputs)

    def _computed(self, encoded: Encoded, inputs: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
        if encoded.ids is not None:
            inputs["input_ids"] = encoded.ids
            if encoded.decode is not None and self.model.config.is_encoder_decoder:
                inputs = {**_decoder_inputs(encoded.ids, self.model.config), **inputs}
                inputs["input_ids"] = _one_end(encoded.ids, self.model.config)
        for stand_in in self._stand_ins:
            stand_in.encoded = encoded
        try:
            return self.model(**inputs)
        finally:
            for stand_in in self._stand_ins:
                stand_in.encoded = None


class MeanPooledHead(BorrowedHead):
    """A decoder-only model's classification head that reads the mean of a text's tokens instead of the last one."""

    def _computed(self, encoded: Encoded, inputs: dict[str, torch.Tensor]) -> SequenceClassifierOutput:
        assert encoded.mask is not None
        shares = encoded.mask / encoded.mask.sum(1, keepdim=True)
        mean = (encoded.last_hidden_state * shares.unsqueeze(2)).sum(1)
        return SequenceClassifierOutput(logits=self.model.get_submodule("score")(mean))


def _decoder_inputs(ids: torch.Tensor, config: PreTrainedConfig) -> dict[str, torch.Tensor]:
    """What a decoder reads unless it is given something else: the text itself, shifted by one."""
    shifted = ids.roll(1, dims=1)
    shifted[:, 0] = config.decoder_start_token_id
    return {"decoder_input_ids": shifted}


def _one_end(ids: torch.Tensor, config: PreTrainedConfig) -> torch.Tensor:
    """Ids whose earlier end tokens are gone. Heads read at the last one, and refuse batches of unequal counts.

    A text that mentions the end token ("</s>") would stop the training otherwise.
    """
    ends = ids == config.eos_token_id
    return ids.masked_fill(ends & (ends.flip(1).cumsum(1).flip(1) > 1), config.pad_token_id)


def has_halves(backbone: nn.Module) -> bool:
    """Whether a backbone has a decoder beside its encoder. Configs do not tell: T5's encoder alone denies it."""
    return {"encoder", "decoder"} <= {name for name, _ in backbone.named_children()}


def _replace_backbone(model: PreTrainedModel) -> list[_StandIn]:
    """Put stand-ins into a model; they are its own submodules."""
    base = model.base_model
    assert isinstance(base, PreTrainedModel)
    if base is model:  # T5's classes hold an encoder and a decoder of their own, without a backbone around them
        model.shared, model.encoder, model.decoder = nn.Identity(), _Encoder(), _Decoder()
        return [model.encoder, model.decoder]
    stand_in = _EncoderDecoder() if has_halves(base) else _Encoder()
    stand_in.config = base.config
    setattr(model, model.base_model_prefix, stand_in)
    return [stand_in]
