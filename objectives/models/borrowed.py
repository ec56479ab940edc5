"""Heads borrowed from transformers' own classes, fed with an encoder's finished outputs.

A main head must have the structure that production opens, for every architecture. So a head *is* the
transformers model (BertForSequenceClassification, …) with its backbone replaced by a stand-in that hands
back what the shared encoder has already computed.
"""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

Encoded = BaseModelOutputWithPooling
"""What the shared encoder computed: last_hidden_state (rows, length, hidden), pooler_output (rows, hidden) or None."""


class _Finished(nn.Module):
    """Stands where the backbone stood and returns the outputs it was given."""

    outputs: Encoded | None = None

    def forward(self, *_: object, **__: object) -> Encoded | None:
        return self.outputs


class BorrowedHead(nn.Module):
    """All of a transformers model but its backbone."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the head's layers out of `model`, which must not be used any more."""
        super().__init__()
        self._finished = _Finished()
        setattr(model, model.base_model_prefix, self._finished)
        self.model = model

    def forward(self, encoded: Encoded, **inputs: torch.Tensor) -> torch.Tensor:
        """The head's logits for finished encoder outputs; `inputs` are what the model's forward also reads."""
        return self.outputs(encoded, **inputs).logits

    def outputs(self, encoded: Encoded, **inputs: torch.Tensor) -> Any:  # noqa: ANN401
        """All that the model's forward returns."""
        self._finished.outputs = encoded
        try:
            return self.model(**inputs)
        finally:
            self._finished.outputs = None
