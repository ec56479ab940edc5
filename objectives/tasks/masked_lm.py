"""Masked language modelling (Devlin et al. 2019, arXiv 1810.04805): guess the hidden tokens. Needs no labels."""

import math
from dataclasses import replace
from typing import ClassVar, Self

import torch
from torch.nn import functional
from transformers import AutoModelForMaskedLM, PreTrainedModel

from ...spaces.errors import EncoderError
from ..data.table import Table
from ..data.targets import IGNORED, Targets
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from .batch import Batch, Examples, TextCodes
from .kinds import MaskedLanguageModelSettings
from .task import TextTask


class MaskedLanguageModel(TextTask[MaskedLanguageModelSettings]):
    """Targets of a prepared batch: (rows, length) int64, the hidden token's id or IGNORED."""

    kind: ClassVar[str] = "masked_lm"
    settings_type: ClassVar = MaskedLanguageModelSettings
    fuses: ClassVar[bool] = True
    metrics: ClassVar = MaskedLanguageModelSettings.metrics

    def fitted(self, table: Table) -> Self:
        return self

    def targets(self, table: Table) -> torch.Tensor:
        """None are stored: (rows, 0)."""
        return torch.zeros(len(table), 0, dtype=torch.int64)

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
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
        targets = batch.ids.masked_fill(~chosen, IGNORED)
        hidden = torch.where(chosen & (change < 0.8), codes.mask, batch.ids)
        hidden = torch.where(chosen & (change >= 0.9), others, hidden)
        return replace(batch, ids=hidden, targets=targets)

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over the hidden tokens; the head runs on these alone."""
        chosen = batch.targets != IGNORED
        found = functional.cross_entropy(self._logits(head, encoded, batch), batch.targets[chosen], reduction="none")
        return batch.mean(torch.zeros_like(chosen, dtype=found.dtype).masked_scatter(chosen, found), chosen)

    def _logits(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """(hidden tokens, vocabulary) in fp32."""
        assert encoded.last_hidden_state is not None
        chosen = batch.targets != IGNORED
        states = encoded.last_hidden_state[chosen].unsqueeze(0)
        return head(Encoded(states, shares=batch.shares(chosen))).squeeze(0).float()

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """(rows, 3) float32: how many tokens are hidden, how many guessed, and the sum of their log-probabilities."""
        chosen = batch.targets != IGNORED
        logits, truth = self._logits(head, encoded, batch), batch.targets[chosen]
        guessed = (logits.argmax(1) == truth).float()
        found = torch.stack(
            [torch.ones_like(guessed), guessed, -functional.cross_entropy(logits, truth, reduction="none")]
        )
        rows = chosen.nonzero()[:, 0]
        return torch.zeros(len(chosen), 3, device=logits.device).index_add_(0, rows, found.T)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Over the tokens that are hidden in evaluations, always the same ones."""
        count, guessed, log_probability = predictions.double().sum(0).tolist()
        if not count:
            return {"accuracy": 0.0, "perplexity": float(codes.size)}
        # Beyond e^80 no number helps anybody, and infinity would count as diverged.
        return {"accuracy": guessed / count, "perplexity": math.exp(min(-log_probability / count, 80.0))}
