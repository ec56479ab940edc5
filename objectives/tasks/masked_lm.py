"""Masked language modelling (Devlin et al. 2019): guess the tokens that were hidden. Needs no labels."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field
from torch.nn import functional
from transformers import AutoModelForMaskedLM, PreTrainedModel

from ...spaces.errors import EncoderError
from ..data.loading import Table
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .task import BaseTaskSettings, Batch, Direction, Task, TextCodes

_IGNORED = -100
"""A target that is not predicted, as in transformers."""


class MaskedLanguageModelSettings(BaseTaskSettings):
    """Guess hidden tokens; an auxiliary task that needs no labels."""

    kind: Literal["masked_lm"]
    probability: float = Field(default=0.15, gt=0, lt=1, description="share of a text's tokens that are hidden")


class MaskedLanguageModel(Task[MaskedLanguageModelSettings]):
    """Targets of a prepared batch: (rows, length) int64, the hidden token's id or -100."""

    kind: ClassVar[str] = "masked_lm"
    settings_type: ClassVar = MaskedLanguageModelSettings
    mixes: ClassVar[bool] = False
    metrics: ClassVar[Mapping[str, Direction]] = {}

    def fitted(self, table: Table) -> Self:
        return self

    def targets(self, table: Table) -> torch.Tensor:
        """None are stored: (rows, 0)."""
        return torch.zeros(len(table.lines), 0, dtype=torch.int64)

    def normaliser(self, codes: TextCodes) -> float:
        """Log of the (trimmed) vocabulary's size: the uniform guess."""
        return math.log(codes.size)

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        """Raises EncoderError where the tokenizer has no mask token."""
        if encoder.tokenizer.mask_token_id is None:
            raise EncoderError(f"tasks: {self.name}: {encoder.name!r} has no mask token, which masked_lm needs")
        return encoder.build(AutoModelForMaskedLM)

    def prepare(self, batch: Batch, codes: TextCodes, random: torch.Generator) -> Batch:
        """Hide tokens: of the chosen ones 80 % become the mask token, 10 % a random one, 10 % stay."""
        assert codes.mask is not None
        choice = torch.rand(batch.ids.shape, generator=random)
        change = torch.rand(batch.ids.shape, generator=random)
        others = torch.randint(codes.size, batch.ids.shape, generator=random)
        chosen = (choice < self.settings.probability) & batch.mask & ~torch.isin(batch.ids, codes.special)
        targets = batch.ids.masked_fill(~chosen, _IGNORED)
        hidden = torch.where(chosen & (change < 0.8), codes.mask, batch.ids)
        hidden = torch.where(chosen & (change >= 0.9), others, hidden)
        return Batch(hidden, batch.mask, targets)

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over the hidden tokens; the head runs on these alone."""
        chosen = batch.targets != _IGNORED
        logits = self.predict(head, encoded, batch)
        total = functional.cross_entropy(logits, batch.targets[chosen], reduction="sum")
        return total / chosen.sum().clamp(min=1)

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Logits (hidden tokens, vocabulary) in fp32."""
        assert encoded.last_hidden_state is not None
        states = encoded.last_hidden_state[batch.targets != _IGNORED].unsqueeze(0)
        return head(Encoded(last_hidden_state=states)).squeeze(0).float()

    def measure(self, predictions: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        return {}
