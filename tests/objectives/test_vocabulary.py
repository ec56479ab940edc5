"""A trimmed vocabulary changes nothing but the work."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.models.vocabulary import Vocabulary, full_vocabulary, input_table, seen_vocabulary
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.exporting import export_model
from autotune.objectives.training.production import train_production
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.configuration import Configuration
from autotune.spaces.training import TrainingSettings
from tokenizers import Tokenizer, models
from torch import nn
from transformers import AutoModel, PreTrainedTokenizerFast

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]

EXACT = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}, training={"weight_decay": 0.0, "dropout": 0.0})


def trained(prepared: PreparedObjective) -> tuple[list[dict[str, float]], torch.Tensor, torch.Tensor]:
    """Losses at every rung, the exported model's logits for some full-vocabulary ids, and its table."""
    run = TrainingRun(0, EXACT, prepared, torch.device("cpu"))
    losses: list[dict[str, float]] = []
    while not run.finished:
        losses.append(dict(run.advance().losses))
    done = train_production(prepared, EXACT, torch.device("cpu"), lambda *_: None, keep_best=False)
    model = export_model(done, prepared)
    inputs = prepared.encoder.tokenizer(["The battery is superb.", "poor screen"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        return losses, model(**inputs).logits, input_table(model).weight.detach()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_training_is_the_same_with_the_full_vocabulary(
    architectures: Architectures, objective: Objectives, architecture: str
):
    encoder = str(architectures(architecture))
    trim, full = (objective(model={"encoder": encoder, "trim_vocabulary": trim}) for trim in (True, False))
    assert trim.codes.size < full.codes.size
    assert trim.pad == full.pad == full.encoder.tokenizer.pad_token_id
    losses, logits, table = trained(trim)
    full_losses, full_logits, full_table = trained(full)
    for found, expected in zip(losses, full_losses, strict=True):
        assert found == pytest.approx(expected, abs=2e-5)
    torch.testing.assert_close(logits, full_logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(table, full_table, atol=1e-4, rtol=1e-4)
    stored = input_table(trim.encoder.build(AutoModel)).weight
    unseen = torch.ones(full.codes.size, dtype=torch.bool)
    unseen[trim.models.vocabulary.kept] = False
    assert unseen.sum() > 20
    assert torch.equal(table[unseen], stored[unseen])
    assert not torch.equal(table[~unseen], stored[~unseen])


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "electra"])
def test_nothing_else_is_trimmed_where_sizes_are_alike(
    architectures: Architectures, objective: Objectives, architecture: str
):
    """Hidden size and positions as many as the vocabulary: a cut that goes by shape would hit them."""
    encoder = str(architectures(architecture, alike=True))
    prepared = objective(model={"encoder": encoder})
    size, config = prepared.codes.size, prepared.encoder.config
    assert size < config.vocab_size == config.hidden_size == config.max_position_embeddings
    model = prepared.models.build(["sentiment", "words"], TrainingSettings())
    trimmed = {id(p): name for name, p in model.named_parameters() if size in p.shape}
    assert len(trimmed) == 2  # the table, tied to the output layer, and that layer's bias
    output = model.head("words").model.get_output_embeddings()
    assert isinstance(output, nn.Linear)
    assert output.weight is input_table(model.encoder).weight


def tokens(*ids: int) -> torch.Tensor:
    return torch.tensor(ids, dtype=torch.int64)


def tokenizer_of(pad: int | None, special: list[int]) -> PreTrainedTokenizerFast:
    """A tokenizer of 400 words whose special ones are these."""
    words = {f"w{i}": i for i in range(400)}
    named = {"pad_token": f"w{pad}"} if pad is not None else {}
    others = {f"w{i}" for i in special} - set(named.values())
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w3")), unk_token=others.pop(), **named
    )


@pytest.mark.parametrize(("pad", "kept"), [(1, [0, 1, 3, 7, 9]), (None, [3, 7, 9]), (300, [3, 7, 9, 300])])
def test_seen_and_special_tokens_are_kept_and_a_low_padding_id_stays(pad: int | None, kept: list[int]):
    special = [3] if pad is None else [3, pad]
    vocabulary = seen_vocabulary([tokens(9, 7), tokens(7)], tokenizer_of(pad, special), 400, ())
    assert vocabulary.kept.tolist() == kept
    assert vocabulary.new_ids[vocabulary.kept].tolist() == list(range(len(kept)))


@pytest.mark.parametrize(("padding", "expected"), [(1, 1), (8, 2), (5, None), (None, None)])
def test_a_trimmed_table_knows_its_padding_row(padding: int | None, expected: int | None):
    table = nn.Embedding(10, 4, padding_idx=padding)
    before = table.weight.detach().clone()
    Vocabulary(torch.tensor([0, 1, 8]), 10).trim(table)
    assert table.padding_idx == expected
    assert torch.equal(table(torch.tensor([2])), before[8:9])


def test_restore_puts_every_row_back():
    vocabulary, full = Vocabulary(torch.tensor([0, 2]), 4), torch.zeros(4, 3)
    restored = vocabulary.restore(torch.ones(2, 3), full)
    assert restored.sum(1).tolist() == [3, 0, 3, 0]
    assert full.sum() == 0
    assert full_vocabulary(4).new_ids.tolist() == [0, 1, 2, 3]
