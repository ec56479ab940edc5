"""Heads borrowed from transformers, on every family of encoders: what is trained is what production opens."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.models.vocabulary import input_table
from autotune.objectives.multi_task.backbones import encode
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.training.evaluating import predict
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.heads import load_heads
from autotune.objectives.training.mixing import gathered
from autotune.objectives.training.production import Trained, train_production
from autotune.spaces.configuration import Configuration
from autotune.spaces.training import TrainingSettings
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]
CPU = torch.device("cpu")

ENCODERS = ["bert", "roberta", "distilbert", "electra", "xlm-roberta", "albert", "mpnet", "deberta-v2", "modernbert"]
DECODERS = ["gpt2", "llama", "opt"]
ENCODER_DECODERS = ["t5", "bart"]
FAMILIES = ["scratch:tiny", *ENCODERS, *DECODERS, *ENCODER_DECODERS]
MASKED = ["scratch:tiny", *ENCODERS]
"""Those that have a class for masked_lm."""

TASKS = {
    "sentiment": {"kind": "classification"},
    "aspect": {"kind": "classification", "label": "aspect"},
    "words": {"kind": "masked_lm"},
}


def tasks_of(family: str) -> dict[str, dict[str, str]]:
    return {name: task for name, task in TASKS.items() if name != "words" or family in MASKED}


def prepared_on(
    family: str,
    objective: Objectives,
    architectures: Architectures,
    training: Mapping[str, object] | None = None,
    **parts: object,
) -> PreparedObjective:
    encoder = family if family.startswith("scratch") else str(architectures(family))
    model = {"encoder": encoder, **parts.pop("model", {})}  # pyright: ignore[reportGeneralTypeIssues]
    training = {"epochs": 1, "batch_size": 8, **(training or {})}
    return objective(**{"tasks": tasks_of(family), "model": model, "training": training, **parts})


@pytest.fixture(params=FAMILIES)
def prepared(request: pytest.FixtureRequest, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    return prepared_on(request.param, objective, architectures)


@pytest.fixture(params=MASKED)
def masked(request: pytest.FixtureRequest, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    return prepared_on(request.param, objective, architectures)


@pytest.fixture
def model(prepared: PreparedObjective) -> MultiTaskModel:
    return prepared.models.build(prepared.train, TrainingSettings(dropout=0.0))


def configuration(prepared: PreparedObjective) -> Configuration:
    ratios = {"words": 1.0, "aspect": 0.5}
    return Configuration(learning_rate=3e-3, ratios={name: ratios[name] for name in prepared.train if name in ratios})


def trained(prepared: PreparedObjective, given: Configuration | None = None) -> Trained:
    return train_production(
        prepared,
        given or configuration(prepared),
        CPU,
        lambda *_: None,
        keep_best=True,
    )


def batches(prepared: PreparedObjective, rows: int = 6) -> dict[str, Batch]:
    return {
        name: task_rows.task.prepare(
            gathered(task_rows, torch.arange(rows), prepared.pad, fixed_shapes=False),
            prepared.codes,
            torch.Generator().manual_seed(0),
        )
        for name, task_rows in prepared.train.items()
    }


def padded(batch: Batch, pad: int) -> Batch:
    """A batch with one more column of padding."""
    mask = torch.nn.functional.pad(batch.mask, (0, 1))
    return replace(batch, ids=torch.nn.functional.pad(batch.ids, (0, 1), value=pad), mask=mask)


def output_weight(model: MultiTaskModel) -> torch.Tensor:
    output = model.head("words").model.get_output_embeddings()
    assert isinstance(output, torch.nn.Linear)
    return output.weight


def test_narrow_heads_are_computed_in_fp32_where_all_else_is_not(prepared: PreparedObjective, model: MultiTaskModel):
    """In bf16 close logits are equal, and then the class that comes first is guessed."""
    batch = batches(prepared)[prepared.main.task.name]
    (encoded,) = encode(model.eval().encoder, [batch])
    head = model.head(prepared.main.task.name)
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
    with torch.no_grad():
        plain = head(replace(encoded, decode=None), **inputs)
        with torch.autocast("cpu", torch.bfloat16):
            found = head(replace(encoded, decode=None), **inputs)
    assert found.dtype is torch.float32
    assert torch.equal(found, plain)


@pytest.mark.slow
def test_the_exported_folder_computes_the_trained_logits(prepared: PreparedObjective, tmp_path: Path):
    done = trained(prepared)
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    texts = prepared.corpus.validation.column("text")
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=24, return_tensors="pt")
    with torch.inference_mode():
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
    own = predict(done.run.model, prepared.validation, prepared, CPU, "fp32")
    torch.testing.assert_close(logits, own, atol=1e-5, rtol=1e-5)
    assert own.std() > 1e-4
    assert model.config.id2label == {0: "negative", 1: "positive"}
    assert model.config.label2id == {"negative": 0, "positive": 1}
    assert model.config.vocab_size == len(input_table(model.base_model).weight)
    files = [file for file in (tmp_path / "model").iterdir() if file.is_file()]
    assert {file.suffix for file in files} <= {
        ".json",
        ".safetensors",
        ".txt",
        ".model",
    }


@pytest.mark.slow
def test_the_other_heads_beside_the_export_compute_their_trained_logits(prepared: PreparedObjective, tmp_path: Path):
    done = trained(prepared)
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    loaded, tokenizer = load_heads(tmp_path / "model"), AutoTokenizer.from_pretrained(tmp_path / "model")
    texts = prepared.corpus.validation.column("text")
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=24, return_tensors="pt")
    given = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
    main = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    done.run.model.eval()
    batch = gathered(prepared.validation, torch.arange(len(texts)), prepared.pad, fixed_shapes=False)
    with torch.inference_mode():
        torch.testing.assert_close(loaded.read("sentiment", **given).logits, main(**given).logits)
        for name in ("aspect", "words"):
            if name in prepared.train:
                own = done.run.model.read(name, batch.ids, batch.mask).logits
                found = loaded.read(name, **given).logits
                if name == "words":
                    found = found[..., prepared.models.vocabulary.kept]
                torch.testing.assert_close(found, own, atol=1e-5, rtol=1e-5)
                assert own.std() > 1e-4
    saved = {file.stem for file in (tmp_path / "model" / "heads").iterdir()}
    assert saved == set(prepared.train) - {"sentiment"}
    assert not [name for name in load_file(tmp_path / "model" / "heads" / "aspect.safetensors") if "embed" in name]


def test_masked_lm_writes_through_the_table_it_reads(masked: PreparedObjective):
    prepared, model = masked, masked.models.build(TASKS, TrainingSettings(dropout=0.0))
    table = input_table(model.encoder)
    assert output_weight(model) is table.weight
    names = [name for name, parameter in model.named_parameters() if parameter is table.weight]
    assert len(names) == 1
    words = batches(prepared)["words"]
    words.targets[:] = -100
    words.targets[0, 1] = 7
    words = replace(words, hidden=None)
    model({prepared.train["words"].task: words})["words"].backward()
    assert table.weight.grad is not None
    read = torch.zeros(prepared.codes.size, dtype=torch.bool)
    read[words.ids[words.mask]] = True
    assert table.weight.grad[~read].abs().sum() > 0  # through the softmax, which names every token
    assert table.weight.grad[read].abs().sum() > 0


def test_a_copy_is_tied_like_its_original_and_apart_from_it(masked: PreparedObjective):
    first, second = (masked.models.build(["sentiment", "words"], TrainingSettings()) for _ in range(2))
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    with torch.no_grad():
        input_table(first.encoder).weight.zero_()
    assert output_weight(first).abs().sum() == 0
    assert input_table(second.encoder).weight.abs().sum() > 0


def test_batches_that_share_a_pass_have_the_losses_of_separate_passes(
    prepared: PreparedObjective, model: MultiTaskModel
):
    model.eval()
    named = batches(prepared)
    named["aspect"] = padded(named["aspect"], prepared.pad)
    given = {prepared.train[name].task: batch for name, batch in named.items()}
    assert len({batch.ids.shape[1] for batch in given.values()}) == 2
    together = model(given)
    assert list(together) == list(prepared.train)
    for task, batch in given.items():
        torch.testing.assert_close(model({task: batch})[task.name], together[task.name], atol=1e-5, rtol=1e-5)


def test_losses_come_pass_by_pass(prepared: PreparedObjective, model: MultiTaskModel):
    model.eval()
    named = batches(prepared)
    named["aspect"] = padded(named["aspect"], prepared.pad)
    given = {prepared.train[name].task: batch for name, batch in named.items()}
    model(given)["sentiment"].backward()
    expected = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    found = list(model.passes(given))
    assert [list(losses) for losses in found] == [[name for name in prepared.train if name != "aspect"], ["aspect"]]
    found[0]["sentiment"].backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-5, rtol=1e-4)


def test_mixup_that_keeps_all_is_no_mixup(prepared: PreparedObjective, model: MultiTaskModel):
    model.eval()
    task, batch = prepared.main.task, batches(prepared)["sentiment"]
    others = torch.arange(6).roll(1)
    kept = replace(batch, partner=others, keep=torch.ones(6))
    torch.testing.assert_close(model({task: kept}), model({task: batch}), atol=1e-5, rtol=1e-5)
    half = replace(batch, partner=others, keep=torch.full((6,), 0.5))
    assert not torch.allclose(model({task: half})["sentiment"], model({task: batch})["sentiment"], atol=1e-5)


def test_mixup_of_a_row_with_itself_is_no_mixup(prepared: PreparedObjective, model: MultiTaskModel):
    model.eval()
    task, batch = prepared.main.task, batches(prepared)["sentiment"]
    own = replace(batch, partner=torch.arange(6), keep=torch.full((6,), 0.6))
    torch.testing.assert_close(model({task: own}), model({task: batch}), atol=1e-5, rtol=1e-5)


def test_a_short_row_sees_all_of_its_longer_partner(prepared: PreparedObjective, model: MultiTaskModel):
    model.eval()
    task, rows = prepared.main.task, prepared.main.tokens.lengths.argsort()[[0, -1]]
    batch = gathered(prepared.main, rows, prepared.pad, fixed_shapes=False)
    mixed = replace(batch, partner=torch.tensor([1, 1]), keep=torch.tensor([0.5, 1.0]))
    last = int(batch.mask[1].sum()) - 2
    assert not batch.mask[0, last]
    other = replace(mixed, ids=batch.ids.clone())
    other.ids[1, last] = (batch.ids[1, last] + 1) % prepared.codes.size
    assert not torch.allclose(model.predict(task, mixed)[0], model.predict(task, other)[0], atol=1e-6, rtol=0)
    cut = replace(mixed, partner=None, keep=None)
    torch.testing.assert_close(
        model.predict(task, cut)[0], model.predict(task, replace(cut, ids=other.ids))[0], atol=1e-6, rtol=1e-6
    )


def test_predictions_do_not_depend_on_the_company(prepared: PreparedObjective, model: MultiTaskModel):
    model.eval()
    rows = prepared.main
    together = model.predict(rows.task, gathered(rows, torch.arange(12), prepared.pad, fixed_shapes=True))
    for row in range(12):
        alone = model.predict(rows.task, gathered(rows, torch.tensor([row]), prepared.pad, fixed_shapes=False))
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)
