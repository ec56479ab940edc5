"""A light decoder on a shared encoder: transformers' EncoderDecoderModel with a few BERT layers that write.

Rothe et al. 2020, "Leveraging Pre-trained Checkpoints for Sequence Generation Tasks" (arXiv 1907.12461), but for the
decoder's size: it starts from random weights, and reads and writes through the encoder's token table.
"""

import copy

from torch import nn
from transformers import (
    AutoModel,
    BertConfig,
    BertLMHeadModel,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedConfig,
    PreTrainedModel,
)

from .encoders import EncoderSource, quiet_transformers
from .vocabulary import input_table


def build_light_decoder(
    encoder: EncoderSource, layers: int, positions: int, start: int, end: int
) -> EncoderDecoderModel:
    """The encoder with a decoder that cross-attends to its states.

    Args:
        encoder: an encoder-only one.
        layers: of the decoder; as wide as the encoder.
        positions: the most tokens that it can write.
        start: the token that it is given first.
        end: the token after which it stops.
    """
    body = encoder.build(AutoModel)
    ids = {"decoder_start_token_id": start, "eos_token_id": end, "pad_token_id": encoder.pad}
    with quiet_transformers():
        decoder = BertLMHeadModel(_decoder_config(encoder.config, layers, positions))
        config = EncoderDecoderConfig.from_encoder_decoder_configs(
            body.config, decoder.config, vocab_size=decoder.config.vocab_size, **ids
        )
        model = EncoderDecoderModel(config, body, decoder)
    table = input_table(body)
    if table.embedding_dim == decoder.config.hidden_size:
        _use_table(decoder, table)
    share_encoder(model)
    return model


def share_encoder(model: PreTrainedModel) -> None:
    """Let the encoder of an EncoderDecoderModel be its backbone; transformers says that it has none."""
    if isinstance(model, EncoderDecoderModel):
        model.base_model_prefix = "encoder"


def untie_decoder(model: EncoderDecoderModel) -> None:
    """Give the decoder a copy of the token table: transformers does not store what the two halves share."""
    assert isinstance(model.decoder, PreTrainedModel)
    _use_table(model.decoder, copy.deepcopy(input_table(model.decoder)))


def _use_table(decoder: PreTrainedModel, table: nn.Embedding) -> None:
    """Let a decoder read and write through a table's rows."""
    output = decoder.get_output_embeddings()
    assert isinstance(output, nn.Linear)
    input_table(decoder).weight = output.weight = table.weight


def _decoder_config(encoder: PreTrainedConfig, layers: int, positions: int) -> BertConfig:
    return BertConfig(
        vocab_size=encoder.get_text_config().vocab_size,
        hidden_size=encoder.hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=encoder.num_attention_heads,
        intermediate_size=4 * encoder.hidden_size,
        max_position_embeddings=positions,
        type_vocab_size=1,
        initializer_range=getattr(encoder, "initializer_range", 0.02),
        pad_token_id=None,  # padding stands behind the text, where causal attention never looks
        is_decoder=True,
        add_cross_attention=True,
    )
