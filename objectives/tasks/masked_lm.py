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
from .batch import Batch, Examples, TextCodes, hidden_places
from .kinds import MaskedLanguageModelSettings
from .opening import Opening
from .perplexity import perplexity
from .task import TextTask


class MaskedLanguageModel(TextTask[MaskedLanguageModelSettings]):
    """Targets of a prepared batch: (rows, length) int64, the hidden token's id or IGNORED."""

    kind: ClassVar[str] = "masked_lm"
    fuses: ClassVar[bool] = True

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

    def opening(self, encoder: EncoderSource) -> Opening:
        return Opening("AutoModelForMaskedLM", "fill-mask", 'tokenizer_kwargs={"truncation": True}')

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
        return replace(batch, ids=hidden, targets=targets, hidden=hidden_places(targets))

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over the hidden tokens; the head runs on these alone."""
        logits, truth, hidden = self._guessed(head, encoded, batch)
        found = functional.cross_entropy(logits, truth, reduction="none")
        terms = found.new_zeros(batch.targets.numel()).index_copy(0, hidden, found)
        return batch.mean(terms.view_as(batch.targets), batch.targets != IGNORED)

    def _guessed(
        self, head: BorrowedHead, encoded: Encoded, batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of each hidden token the logits (tokens, vocabulary) in fp32, the truth, and its place."""
        assert encoded.last_hidden_state is not None
        hidden = hidden_places(batch.targets) if batch.hidden is None else batch.hidden
        states = encoded.last_hidden_state.flatten(0, 1).index_select(0, hidden)
        logits = head(Encoded(states.unsqueeze(0), shares=batch.shares)).squeeze(0).float()
        return logits, batch.targets.flatten().index_select(0, hidden), hidden

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """(rows, 3) float32: how many tokens are hidden, how many guessed, and the sum of their log-probabilities."""
        logits, truth, hidden = self._guessed(head, encoded, batch)
        guessed = (logits.argmax(1) == truth).float()
        found = torch.stack(
            [torch.ones_like(guessed), guessed, -functional.cross_entropy(logits, truth, reduction="none")]
        )
        rows, length = batch.targets.shape
        return torch.zeros(rows, 3, device=logits.device).index_add_(0, hidden // length, found.T)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Over the tokens that are hidden in evaluations, always the same ones."""
        count, guessed, log_probability = predictions.double().sum(0).tolist()
        if not count:
            return {"accuracy": 0.0, "perplexity": float(codes.size)}
        return {"accuracy": guessed / count, "perplexity": perplexity(-log_probability / count)}
