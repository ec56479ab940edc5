"""Generation: write a text, either a column of the data or, without labels, the row's own text from a noised copy.

Reconstruction is that of BART's token masking (Lewis et al. 2020, arXiv 1910.13461). Encoder–decoders write with their
own decoder, decoder-only models behind the source, encoders with a light decoder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from sacrebleu.metrics.chrf import CHRF
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    EncoderDecoderModel,
    GenerationConfig,
    PreTrainedModel,
)

from ...spaces.errors import DataError, EncoderError
from ..caching import content_hash
from ..data.cleaning import Finding
from ..data.inputs import Inputs
from ..data.table import Table, take
from ..data.targets import IGNORED, Targets, TextTargets, widened
from ..data.tokens import end_of_text, tokenize, tokenizer_fingerprint
from ..models.borrowed import BorrowedHead, Encoded
from ..models.encoders import EncoderSource
from ..models.light_decoder import build_light_decoder, untie_decoder
from ..models.text_generation import greedy, in_one_row, target_logits
from ..tensor_cache import cached_tensors
from .batch import Batch, Examples, TextCodes
from .kinds import DECODER_LAYERS, GenerationSettings
from .opening import Opening
from .perplexity import perplexity
from .task import Task


@dataclass(frozen=True)
class Written(TextTargets):
    """The tokens of each row's text, and `texts` by row as the data has them."""

    texts: Sequence[str]

    def take(self, rows: torch.Tensor) -> Self:
        return replace(super().take(rows), texts=[self.texts[row] for row in rows.tolist()])


class Generation(Task[GenerationSettings]):
    """Targets: (rows, target length) int64, the tokens to write and the one that ends them."""

    kind: ClassVar[str] = "generation"
    has_one_answer: ClassVar[bool] = False
    cuts: ClassVar[bool] = False  # it would learn to write what it has not read

    def inputs(self, table: Table) -> Inputs:
        return self.settings.inputs(table)

    def texts(self, table: Table) -> Sequence[str]:
        return [*super().texts(table), *(self.answers(table) or ())]

    def answers(self, table: Table) -> Sequence[str] | None:
        return None if self.settings.target is None else self._texts(table)

    def _texts(self, table: Table) -> list[str]:
        """What is to be written; of a pair both texts."""
        if self.settings.target is not None:
            return table.column(self.settings.target)
        inputs = self.inputs(table)
        if inputs.second is None:
            return list(inputs.first)
        return [" ".join(pair) for pair in zip(inputs.first, inputs.second, strict=True)]

    def fitted(self, table: Table) -> Self:
        """Raises DataError where there is nothing to write."""
        self._present(table)
        return self

    def _present(self, table: Table) -> list[int]:
        """The rows with something to write."""
        present = [row for row, text in enumerate(self._texts(table)) if text.strip()]
        if not present:
            column = self.settings.target or self.settings.tokens or self.settings.text
            raise DataError(f"{table.source}: task {self.name!r}: column {column!r} is empty in every row")
        return present

    def vetted(self, table: Table, *, training: bool) -> tuple[Table, Sequence[Finding]]:
        """Rows with nothing to write are dropped, and counted, wherever they stand."""
        present = self._present(table)
        if len(present) == len(table):
            return table, ()
        empty = sorted(set(range(len(table))) - set(present))
        return take(table, present), [Finding.of("empty text to write", [table.where(row) for row in empty])]

    def examples(self, table: Table, encoder: EncoderSource, max_length: int) -> Examples:
        """Raises EncoderError where a text cannot be ended, or source and target take more positions than there are."""
        self._check_positions(encoder, max_length)
        texts, limit, end = self._texts(table), self.settings.max_target_length, self._end(encoder)
        targets = Written(**_target_tokens(texts, encoder, end, limit), texts=texts)
        ended = targets.values[targets.offsets[1:] - 1] == end
        cut = [table.where(row) for row in (~ended).nonzero().squeeze(1).tolist()]
        note = f"{table.source}: text to write cut to max_target_length {limit}"
        findings = [Finding.of(note, cut, "noted")] if cut else []
        return Examples(tokenize(self.inputs(table), encoder.tokenizer, max_length), targets, findings)

    def _check_positions(self, encoder: EncoderSource, max_length: int) -> None:
        positions, limit = getattr(encoder.config, "max_position_embeddings", None), self.settings.max_target_length
        if encoder.family == "encoder" or positions is None:
            return
        source = max_length if encoder.family == "decoder" else 0
        if source + limit > positions:
            model = f"model.max_length {max_length} and " if source else ""
            raise EncoderError(
                f"tasks: {self.name}: max_target_length: {model}{limit} are more than the {positions} positions that "
                f"{encoder.name!r} has; at most {max(positions - source, 0)}"
            )

    def _end(self, encoder: EncoderSource) -> int:
        end = end_of_text(encoder.tokenizer)
        if end is None:
            raise EncoderError(f"tasks: {self.name}: {encoder.name!r} has no token that ends a text")
        return end

    def normaliser(self, examples: Examples, codes: TextCodes) -> float:
        """Log of the (trimmed) vocabulary's size: the uniform guess."""
        return math.log(codes.size)

    def build(self, encoder: EncoderSource) -> PreTrainedModel:
        """Raises EncoderError where the tokenizer cannot end a text, or `decoder_layers` changes nothing."""
        end = self._end(encoder)
        if encoder.family != "encoder":
            if self.settings.decoder_layers != DECODER_LAYERS:
                reason = f"{encoder.name!r} is {encoder.family} and writes with its own; leave it out"
                raise EncoderError(f"tasks: {self.name}: decoder_layers: {reason}")
            if encoder.family == "decoder":
                return encoder.build(AutoModelForCausalLM, eos_token_id=end)  # pyright: ignore[reportArgumentType]
            return encoder.build(AutoModelForSeq2SeqLM, eos_token_id=end)
        first = encoder.tokenizer.cls_token_id
        start = first if isinstance(first, int) else end
        return build_light_decoder(encoder, self.settings.decoder_layers, self.settings.max_target_length, start, end)

    def opening(self, encoder: EncoderSource) -> Opening:
        """Transformers has a pipeline for decoder-only models only."""
        if encoder.family != "decoder":
            return Opening("AutoModelForSeq2SeqLM")
        call = 'model("a text" + model.tokenizer.eos_token)  # where the text ends and what it writes begins'
        return Opening("AutoModelForCausalLM", "text-generation", call=call)

    def finish(self, model: PreTrainedModel, codes: TextCodes) -> None:
        """`generate()` writes as evaluations do: greedily, as long, and no token that training never named."""
        if isinstance(model, EncoderDecoderModel):
            untie_decoder(model)
        config, unknown = model.config, torch.ones(model.config.vocab_size, dtype=torch.bool)
        unknown[codes.original] = False
        model.generation_config = GenerationConfig(
            max_new_tokens=self.settings.max_target_length,
            decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
            bos_token_id=getattr(config, "bos_token_id", None),
            eos_token_id=config.eos_token_id,
            pad_token_id=config.pad_token_id,
            suppress_tokens=unknown.nonzero().squeeze(1).tolist() or None,
        )

    def prepare(self, batch: Batch, codes: TextCodes, random: torch.Generator) -> Batch:
        """Hide source tokens from a model that reconstructs; give a decoder-only one source and target in one row."""
        if self.settings.target is None:
            batch = replace(batch, ids=self._noised(batch, codes, random))
        if codes.separator is None:
            return batch
        ids, mask = in_one_row(batch.ids, batch.mask, batch.targets, codes.separator, codes.pad)
        return replace(batch, ids=ids, mask=mask, types=None)

    def _noised(self, batch: Batch, codes: TextCodes, random: torch.Generator) -> torch.Tensor:
        """Ids with hidden ones: the mask token; where the tokenizer has none, any token but a special one."""
        chosen = torch.rand(batch.ids.shape, generator=random) < self.settings.noise
        chosen &= batch.mask & ~torch.isin(batch.ids, codes.special)
        if codes.mask is not None:
            return batch.ids.masked_fill(chosen, codes.mask)
        words = torch.ones(codes.size, dtype=torch.bool).index_fill_(0, codes.special, value=False).nonzero().squeeze(1)
        others = words[torch.randint(len(words), batch.ids.shape, generator=random)]
        return torch.where(chosen, others, batch.ids)

    def loss(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the tokens to write, each given the true ones before it."""
        logits = target_logits(head, encoded, batch.mask, batch.targets)
        return functional.cross_entropy(logits, batch.targets[batch.targets != IGNORED])

    def predict(self, head: BorrowedHead, encoded: Encoded, batch: Batch) -> torch.Tensor:
        """(rows, 3, length) float32: each target token's log-probability, the guess in its place, what is written.

        The first two are given the true tokens before; the third is the model's own, token by token.
        """
        known = batch.targets != IGNORED
        logits = target_logits(head, encoded, batch.mask, batch.targets)
        given = torch.full((2, *batch.targets.shape), float(IGNORED), device=logits.device)
        given[0, known] = -functional.cross_entropy(logits, batch.targets[known], reduction="none")
        given[1, known] = logits.argmax(-1).float()
        prompts = batch.mask.sum(1) - known.sum(1) + 1
        written = greedy(head, encoded, batch.ids, batch.mask, prompts, self.settings.max_target_length).float()
        length = max(written.shape[1], given.shape[2])
        return torch.stack([widened(part, length) for part in (*given, written)], dim=1)

    def measure(self, predictions: torch.Tensor, targets: Targets, codes: TextCodes) -> dict[str, float]:
        """Corpus chrF (Popović 2015) between 0 and 1, against the texts as the data has them; the others by token."""
        assert isinstance(targets, Written)
        truth = targets[torch.arange(len(targets))]
        known = truth != IGNORED
        log_probabilities, guesses, written = predictions.unbind(1)
        entropy = -float(log_probabilities[:, : truth.shape[1]][known].double().mean())
        right = guesses[:, : truth.shape[1]][known] == truth[known]
        texts = [codes.text(row[row != IGNORED].long()) for row in written]
        return {
            "chrf": CHRF().corpus_score(texts, [list(targets.texts)]).score / 100,
            "token_accuracy": float(right.double().mean()),
            "perplexity": perplexity(entropy),
        }


def _target_tokens(texts: Sequence[str], encoder: EncoderSource, end: int, limit: int) -> dict[str, torch.Tensor]:
    """Values and offsets of ragged targets: each text's tokens and the end token; from the cache where known.

    An encoder–decoder has learnt to write all the marks that its tokenizer puts around a text.
    """
    tokenizer, marked = encoder.tokenizer, encoder.family == "encoder-decoder"

    def make() -> dict[str, torch.Tensor]:
        rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=marked, verbose=False)["input_ids"]
        cut = [(row if marked else [*row, end])[:limit] for row in rows]
        lengths = torch.tensor([0, *map(len, cut)], dtype=torch.int64)
        return {"values": torch.tensor([i for row in cut for i in row]), "offsets": lengths.cumsum(0)}

    key = content_hash(["targets 1", tokenizer_fingerprint(tokenizer), str(marked), str(end), str(limit), *texts])
    return cached_tensors("targets", key, make)
