"""One backbone for several of transformers' classes: each head computes what its own class computes."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.models.encoders import AutoClass, EncoderSource, open_encoder
from autotune.objectives.models.vocabulary import Vocabulary, full_vocabulary, named_ids
from autotune.objectives.multi_task.backbones import encode
from autotune.objectives.multi_task.model import PASS_TOKENS, MultiTaskModel, assemble
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.tasks.task import Task
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.heads import load_heads
from autotune.objectives.training.mixing import gathered
from autotune.objectives.training.production import train_production
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import EncoderError
from autotune.spaces.training import TrainingSettings
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
    pipeline,
)

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]

CLASSES = {
    "text": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "span": AutoModelForQuestionAnswering,
}
EVERY_FAMILY = ["bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "modernbert", "gpt2", "t5", "bart"]
ORDERS = [["text", "tokens", "span"], ["tokens", "text", "span"], ["span", "tokens", "text"]]
TEXTS = ["the battery is superb .", "poor screen", "a really awful delivery of the camera ."]

WRITTEN = torch.tensor([[2, 9, 10, 30], [2, 12, 8, 7], [2, 50, 60, 70]])
"""What a decoder is given."""


def source_of(folder: Path) -> EncoderSource:
    return open_encoder(str(folder), Path(), [], 16)


def inputs_of(source: EncoderSource) -> dict[str, torch.Tensor]:
    encoded = source.tokenizer(TEXTS, padding=True, return_tensors="pt")
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}


def vocabulary_of(source: EncoderSource, *, trim: bool) -> Vocabulary:
    """Trimmed to what these texts need and the special tokens."""
    size, named = source.config.vocab_size, [i for ids in named_ids(source.config).values() for i in ids]
    needed = [inputs_of(source)["input_ids"].flatten(), WRITTEN.flatten(), torch.tensor(named), torch.arange(3)]
    return Vocabulary(torch.cat(needed).unique(), size) if trim else full_vocabulary(size)


def models_of(source: EncoderSource, classes: Mapping[str, Any]) -> dict[str, PreTrainedModel]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return {name: source.build(found).eval() for name, found in classes.items()}


def batches_of(prepared: PreparedObjective, count: int) -> dict[Task[Any], Batch]:
    rows = torch.arange(count)
    return {r.task: gathered(r, rows, prepared.pad, fixed_shapes=False) for r in prepared.train.values()}


def trimmed(inputs: dict[str, torch.Tensor], vocabulary: Vocabulary) -> dict[str, torch.Tensor]:
    return {name: vocabulary.new_ids[ids] if name.endswith("ids") else ids for name, ids in inputs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("architecture", EVERY_FAMILY)
def test_every_head_computes_what_its_class_computes(
    architectures: Architectures, architecture: str, order: list[str], trim: bool
):
    source = source_of(architectures(architecture))
    vocabulary = vocabulary_of(source, trim=trim)
    models = models_of(source, {name: CLASSES[name] for name in order if (architecture, name) != ("bart", "tokens")})
    originals, model = copy.deepcopy(models), assemble(models, vocabulary).eval()
    assert not any(part.is_meta for part in (*model.parameters(), *model.buffers()))
    inputs = inputs_of(source)
    for name, original in originals.items():
        if name == "text" and hasattr(original.base_model, "pooler") and "span" in order[: order.index(name)]:
            original.base_model.pooler = copy.deepcopy(model.encoder.pooler)  # the first one with a pooler shares it
        expected, found = original(**inputs), model.read(name, **trimmed(inputs, vocabulary))
        for key in ("logits", "start_logits", "end_logits"):
            if key in expected:
                torch.testing.assert_close(found[key], expected[key], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize(
    ("architecture", "changes"), [("t5", {}), ("bart", {}), ("bart", {"tie_word_embeddings": False})]
)
@pytest.mark.parametrize("main", ["text", "writing"])
def test_the_shared_decoder_writes_what_the_language_model_writes(
    architectures: Architectures, architecture: str, changes: dict[str, Any], main: str, trim: bool
):
    source = source_of(architectures(architecture, **changes))
    vocabulary = vocabulary_of(source, trim=trim)
    classes = {"text": AutoModelForSequenceClassification, "writing": AutoModelForSeq2SeqLM}
    models = models_of(source, {main: classes[main], **classes})
    if architecture == "bart":
        models["writing"].get_buffer("final_logits_bias").normal_()
    original, model = copy.deepcopy(models["writing"]), assemble(models, vocabulary).eval()
    inputs = inputs_of(source)
    expected = original(**inputs, decoder_input_ids=WRITTEN).logits[..., vocabulary.kept]
    given = trimmed({**inputs, "decoder_input_ids": WRITTEN}, vocabulary)
    batch = Batch(given["input_ids"], given["attention_mask"].bool(), torch.zeros(3, 0))
    (encoded,) = encode(model.encoder, [batch])
    logits = model.head("writing")(encoded, decoder_input_ids=given["decoder_input_ids"])
    assert logits.shape == (3, 4, vocabulary.size)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
    assert encoded.decode is not None
    assert encoded.decode(given["decoder_input_ids"]).shape == (3, 4, 32)


@pytest.mark.parametrize("trim", [False, True])
@pytest.mark.parametrize(("architecture", "tied"), [("gpt2", True), ("gpt2", False), ("llama", False), ("opt", True)])
def test_a_decoder_only_model_writes_with_its_own_head(
    architectures: Architectures, architecture: str, tied: bool, trim: bool
):
    source = source_of(architectures(architecture, tie_word_embeddings=tied))
    vocabulary = vocabulary_of(source, trim=trim)
    models = models_of(source, {"text": AutoModelForSequenceClassification, "writing": AutoModelForCausalLM})
    original, model = copy.deepcopy(models["writing"]), assemble(models, vocabulary).eval()
    inputs = inputs_of(source)
    expected = original(**inputs).logits[..., vocabulary.kept]
    found = model.read("writing", **trimmed(inputs, vocabulary)).logits
    mask = inputs["attention_mask"].bool()
    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_the_encoder_runs_once_and_the_decoder_only_for_heads_that_read_it(
    objective: Objectives, architectures: Architectures, architecture: str
):
    tasks = {name: {"kind": "classification", "label": label} for name, label in (("main", "label"), ("aspect",) * 2)}
    prepared = objective(
        tasks=tasks, objective="main.accuracy", model={"encoder": str(architectures(architecture))}, training={}
    )
    model, calls = prepared.models.build(prepared.train, TrainingSettings()), list[str]()
    for half in ("encoder", "decoder"):
        model.encoder.get_submodule(half).register_forward_hook(lambda *_, half=half: calls.append(half))
    model(batches_of(prepared, 3))
    assert calls == ["encoder", "decoder", "decoder"]


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_a_text_that_mentions_the_end_token_stops_nothing(architectures: Architectures, architecture: str):
    source = source_of(architectures(architecture))
    models = models_of(source, {"text": AutoModelForSequenceClassification})
    original, model = copy.deepcopy(models["text"]), assemble(models, vocabulary_of(source, trim=False)).eval()
    texts = ["poor </s> screen", "poor screen"]
    inputs = dict(source.tokenizer(texts, padding=True, return_tensors="pt"))
    with pytest.raises(ValueError, match="same number of <eos> tokens"):
        original(**inputs)
    found = model.read("text", inputs["input_ids"], inputs["attention_mask"]).logits
    for text, logits in zip(texts, found, strict=True):
        alone = original(**source.tokenizer([text], return_tensors="pt")).logits
        torch.testing.assert_close(logits, alone[0], atol=1e-5, rtol=1e-5)


def test_a_tagger_never_runs_t5s_decoder(architectures: Architectures):
    source = source_of(architectures("t5"))
    model = assemble(models_of(source, CLASSES), vocabulary_of(source, trim=False))
    calls = list[str]()
    model.encoder.get_submodule("decoder").register_forward_hook(lambda *_: calls.append("decoder"))
    model.read("tokens", **inputs_of(source))
    assert not calls
    model.read("span", **inputs_of(source))
    assert calls == ["decoder"]


@pytest.mark.parametrize("architecture", ["bert", "electra", "albert"])
def test_types_tell_the_texts_of_a_pair_apart(architectures: Architectures, architecture: str):
    source = source_of(architectures(architecture))
    models = models_of(source, {"text": AutoModelForSequenceClassification})
    original, model = copy.deepcopy(models["text"]), assemble(models, vocabulary_of(source, trim=False)).eval()
    inputs = dict(source.tokenizer(TEXTS, TEXTS[::-1], padding=True, return_tensors="pt"))
    assert inputs["token_type_ids"].sum() > 0
    found = model.read("text", **inputs).logits
    torch.testing.assert_close(found, original(**inputs).logits, atol=1e-5, rtol=1e-5)
    without = model.read("text", inputs["input_ids"], inputs["attention_mask"]).logits
    assert not torch.allclose(found, without, atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta-v2", "gpt2", "t5"])
def test_batches_with_and_without_types_share_a_pass(architectures: Architectures, architecture: str):
    source = source_of(architectures(architecture))
    models = models_of(source, {"text": AutoModelForSequenceClassification})
    model = assemble(models, vocabulary_of(source, trim=False)).eval()
    inputs = inputs_of(source)
    ids, mask = inputs["input_ids"], inputs["attention_mask"].bool()
    types = torch.arange(ids.shape[1]).expand_as(ids) // 3 % 2
    typed, plain = (Batch(ids, mask, torch.zeros(3, 0), types=given) for given in (types, None))
    together = list(encode(model.encoder, [typed, plain]))
    for batch, found in zip([typed, plain], together, strict=True):
        (alone,) = encode(model.encoder, [batch])
        torch.testing.assert_close(found.last_hidden_state[mask], alone.last_hidden_state[mask], atol=1e-5, rtol=1e-5)
    differ = not torch.allclose(together[0].last_hidden_state[mask], together[1].last_hidden_state[mask], atol=1e-4)
    assert differ == (architecture in ("bert", "roberta"))  # the others have no such types


def test_a_shared_pass_has_a_limit(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    prepared = objective()
    model = prepared.models.build(prepared.train, TrainingSettings(dropout=0.0))
    given = batches_of(prepared, 4)
    given[prepared.train["words"].task].targets = torch.full_like(given[prepared.main.task].ids, -100)
    tokens = given[prepared.main.task].ids.numel()
    assert 3 * tokens <= PASS_TOKENS
    assert [list(losses) for losses in model.passes(given)] == [["sentiment", "aspect", "words"]]
    monkeypatch.setattr("autotune.objectives.multi_task.model.PASS_TOKENS", 2 * tokens)
    assert [list(losses) for losses in model.passes(given)] == [["sentiment", "aspect"], ["words"]]
    monkeypatch.setattr("autotune.objectives.multi_task.model.PASS_TOKENS", 1)
    assert [list(losses) for losses in model.passes(given)] == [["sentiment"], ["aspect"], ["words"]]


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        *((name, "encoder") for name in ("bert", "electra", "modernbert")),
        *((name, "decoder") for name in ("gpt2", "llama", "opt")),
        *((name, "encoder-decoder") for name in ("t5", "bart")),
    ],
)
def test_families(architectures: Architectures, architecture: str, family: str):
    assert source_of(architectures(architecture)).family == family


@pytest.mark.parametrize(
    ("architecture", "auto_class", "message"),
    [
        ("bart", AutoModelForMaskedLM, "is encoder-decoder; blanks are filled in by encoders only, and `generation`"),
        ("gpt2", AutoModelForMaskedLM, "is decoder; blanks"),
        ("bart", AutoModelForTokenClassification, r"\(bart\) has no class for it: transformers' AutoModelForTokenC"),
        ("bert", AutoModelForSeq2SeqLM, r"\(bert\) has no class for it: transformers' AutoModelForSeq2SeqLM"),
    ],
)
def test_what_an_architecture_cannot_do_is_said(
    architectures: Architectures, architecture: str, auto_class: AutoClass, message: str
):
    with pytest.raises(EncoderError, match=message):
        source_of(architectures(architecture)).build(auto_class)


def test_named_tokens_are_those_of_the_config(architectures: Architectures):
    found = named_ids(source_of(architectures("bart")).config)
    assert found["eos_token_id"] == [2]
    assert found["decoder_start_token_id"] == [2]
    assert found["pad_token_id"] == [1]


def test_gpt2_gets_a_padding_token_that_its_export_keeps(
    objective: Objectives, architectures: Architectures, tmp_path: Path
):
    prepared = objective(
        tasks={"sentiment": {"kind": "classification"}}, model={"encoder": str(architectures("gpt2"))}, training={}
    )
    assert prepared.encoder.tokenizer.pad_token == "<|endoftext|>"
    assert prepared.encoder.pad == prepared.encoder.config.pad_token_id == 383
    assert prepared.pad < 383  # trimmed
    done = train_production(
        prepared,
        Configuration(learning_rate=1e-3),
        torch.device("cpu"),
        lambda *_: None,
        keep_best=True,
    )
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    texts = prepared.corpus.validation.column("text")
    classify = pipeline("text-classification", model=str(tmp_path / "model"), device="cpu")
    alone, batched = classify(texts), classify(texts, batch_size=5)
    assert [found["label"] for found in alone] == [found["label"] for found in batched]
    assert [found["score"] for found in alone] == pytest.approx([found["score"] for found in batched], abs=1e-5)


def pooled(objective: Objectives, encoder: Path, pooling: str, tasks: list[str]) -> PreparedObjective:
    kinds = {"sentiment": "label", "aspect": "aspect"}
    return objective(
        tasks={name: {"kind": "classification", "label": kinds[name]} for name in tasks},
        model={"encoder": str(encoder), "pooling": pooling},
        training={"epochs": 1, "batch_size": 8},
    )


def test_mean_pooling_reads_every_token_of_an_auxiliary_text(objective: Objectives, architectures: Architectures):
    def logits(pooling: str) -> tuple[MultiTaskModel, Batch, PreparedObjective]:
        prepared = pooled(objective, architectures("gpt2"), pooling, ["sentiment", "aspect"])
        batch = batches_of(prepared, 6)[prepared.main.task]
        return prepared.models.build(prepared.train, TrainingSettings()).eval(), batch, prepared

    (mean, batch, prepared), (last, *_), (auto, *_) = map(logits, ("mean", "last", "auto"))
    found = {name: [m.read(name, batch.ids, batch.mask).logits for m in (mean, last, auto)] for name in prepared.train}
    torch.testing.assert_close(found["sentiment"][0], found["sentiment"][1])
    assert not torch.allclose(found["aspect"][0], found["aspect"][1], atol=1e-3)
    for logits_of in found.values():
        torch.testing.assert_close(logits_of[1], logits_of[2])
    (encoded,) = encode(mean.encoder, [batch])
    scores = mean.head("aspect").model.get_submodule("score")(encoded.last_hidden_state)
    expected = torch.stack([row[kept].mean(0) for row, kept in zip(scores, batch.mask, strict=True)])
    torch.testing.assert_close(found["aspect"][0], expected, atol=1e-5, rtol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(mean.head("aspect")(encoded), found["aspect"][0])  # in fp32, like every narrow head


def test_mean_pooled_heads_are_exported(objective: Objectives, architectures: Architectures, tmp_path: Path):
    prepared = pooled(objective, architectures("gpt2"), "mean", ["sentiment", "aspect"])
    done = train_production(
        prepared,
        Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}),
        torch.device("cpu"),
        lambda *_: None,
        keep_best=True,
    )
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    texts = prepared.corpus.validation.column("text")
    inputs = dict(prepared.encoder.tokenizer(texts, padding=True, return_tensors="pt"))
    numbers = prepared.models.vocabulary.new_ids
    own = done.run.model.eval().read("aspect", numbers[inputs["input_ids"]], inputs["attention_mask"]).logits
    found = load_heads(tmp_path / "model").read("aspect", **inputs).logits
    torch.testing.assert_close(found, own, atol=1e-5, rtol=1e-5)


def test_pooling_that_changes_nothing_is_refused(objective: Objectives, architectures: Architectures):
    with pytest.raises(EncoderError, match=r"pooling: 'mean' changes nothing here.*'sentiment' reads the last token"):
        pooled(objective, architectures("gpt2"), "mean", ["sentiment"])
    for pooling in ("mean", "last"):
        with pytest.raises(EncoderError, match=f"pooling: '{pooling}' is for decoder-only encoders; .* is encoder"):
            pooled(objective, architectures("bert"), pooling, ["sentiment", "aspect"])


def test_a_folder_without_other_heads_says_so(tmp_path: Path):
    with pytest.raises(EncoderError, match=r"no heads\.json here"):
        load_heads(tmp_path)


def test_a_structure_that_is_no_model_is_not_opened(tmp_path: Path):
    (tmp_path / "heads.json").write_text('{"main": "a", "heads": {}}')
    (tmp_path / "config.json").write_text('{"model_type": "bert", "architectures": ["pipeline"]}')
    with pytest.raises(EncoderError, match="'pipeline' is not a model of transformers"):
        load_heads(tmp_path)


def states_of(source: EncoderSource, batches: Sequence[Batch], vocabulary: Vocabulary | None = None) -> torch.Tensor:
    """What the encoder makes of the first of some batches."""
    backbone = models_of(source, {"text": AutoModelForSequenceClassification})["text"].base_model
    assert isinstance(backbone, PreTrainedModel)
    if vocabulary is not None:
        vocabulary.trim_backbone(backbone)
    with torch.inference_mode():
        return next(encode(backbone, batches)).last_hidden_state


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "mpnet"])
@pytest.mark.parametrize("reworked", ["keep", "cut_tokens"])
def test_a_row_does_not_depend_on_what_is_done_to_others(family: str, reworked: str, architectures: Architectures):
    """RoBERTa and kin number a text's tokens otherwise where they are given as embeddings."""
    source = source_of(architectures(family))
    pad = source.tokenizer.pad_token_id
    ids = torch.tensor([[8, 9, pad, 10, 30, pad], [12, 8, 7, 50, 60, 70]])  # padding within a text
    mask = torch.tensor([[True] * 5 + [False], [True] * 6])
    plain = Batch(ids, mask, torch.zeros(2))
    parts: dict[str, dict[str, Any]] = {
        "keep": {"keep": torch.tensor([0.5, 0.7]), "partner": torch.tensor([1, 0])},
        "cut_tokens": {"cut_tokens": ids == 8, "cut_features": torch.zeros(2, 32, dtype=torch.bool)},
    }
    other = Batch(ids, mask, torch.zeros(2), **parts[reworked])
    torch.testing.assert_close(states_of(source, [plain, other]), states_of(source, [plain, plain]))


def test_a_vocabulary_may_have_lost_the_padding_that_its_architecture_names(architectures: Architectures):
    source = source_of(architectures("mpnet"))
    vocabulary = Vocabulary(torch.tensor([0, *range(2, 80)]), source.config.vocab_size)
    ids = torch.tensor([[50, 45, 46]])
    states = states_of(source, [Batch(vocabulary.new_ids[ids], ids > 0, torch.zeros(1))], vocabulary)
    torch.testing.assert_close(states, states_of(source, [Batch(ids, ids > 0, torch.zeros(1))]))


@pytest.mark.parametrize("family", ["bert", "roberta", "mpnet"])
def test_padding_may_get_another_number(family: str, architectures: Architectures):
    changes = {} if family == "mpnet" else {"pad_token_id": 30}
    source = source_of(architectures(family, max_position_embeddings=80, **changes))
    pad = changes.get("pad_token_id", 1)
    kept = torch.tensor([0, 1, 2, 3, 4, *range(20, 80)])
    vocabulary = Vocabulary(kept, source.config.vocab_size)
    ids = torch.tensor([[50, 45, 46, 60, pad, pad]])  # the first has the number of padding, 30 or so, when trimmed
    mask = ids != pad
    trim = states_of(source, [Batch(vocabulary.new_ids[ids], mask, torch.zeros(1))], vocabulary)
    full = states_of(source, [Batch(ids, mask, torch.zeros(1))])
    torch.testing.assert_close(trim[mask], full[mask])
