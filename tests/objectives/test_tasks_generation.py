"""Writing texts: with a light decoder, a decoder of the encoder's own, or behind the source."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.data.targets import IGNORED
from autotune.objectives.models.encoders import EncoderSource, open_encoder
from autotune.objectives.models.text_generation import greedy, in_one_row, target_logits
from autotune.objectives.models.vocabulary import input_table
from autotune.objectives.multi_task.backbones import encode
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch, TextCodes
from autotune.objectives.tasks.generation import Generation, GenerationSettings, Written
from autotune.objectives.training.cost import inference_cost
from autotune.objectives.training.evaluating import evaluate, predict
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.heads import load_heads
from autotune.objectives.training.mixing import batches_of, gathered
from autotune.objectives.training.production import Trained, train_production
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.errors import DataError, EncoderError
from autotune.spaces.training import TrainingSettings
from pydantic import ValidationError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    EncoderDecoderModel,
    PreTrainedModel,
)

from .corpora import table_of

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]
Rows = list[tuple[str, str, str]]
CPU = torch.device("cpu")

ENCODERS = ["scratch:tiny", "bert", "roberta", "distilbert", "electra", "albert", "deberta-v2", "modernbert"]
DECODERS = ["gpt2", "llama", "opt"]
ENCODER_DECODERS = ["t5", "bart"]
EVERY_FAMILY = [*ENCODERS, *DECODERS, *ENCODER_DECODERS]

PHRASES: Rows = [
    (f"the {colour} {animal} {verb}", f"{verb} {animal}", colour)
    for colour in ("red", "blue", "green", "big", "small")
    for animal in ("cat", "dog", "bird", "fish")
    for verb in ("runs", "sits", "flies", "eats")
]
CHINESE: Rows = [
    (f"{what}{how}", f"{how}的{what}", what)
    for what in ("送餐", "味道", "价格", "包装", "服务", "米饭")
    for how in ("很好", "太慢", "一般", "不错", "糟糕", "满意")
]


def task_of(**settings: object) -> Generation:
    return Generation("text", GenerationSettings.model_validate({"kind": "generation", **settings}))


def writing(
    objective: Objectives, encoder: str | Path = "scratch:tiny", *, rows: Rows = PHRASES, **settings: object
) -> PreparedObjective:
    """An objective whose one task writes."""
    task = {"kind": "generation", "max_target_length": 8, **settings}
    return objective(
        rows=rows,
        tasks={"main": task},
        objective="main.chrf",
        model={"encoder": str(encoder), "max_length": 16},
        training={"epochs": 1, "batch_size": 16, "evaluations_per_epoch": 1, "dropout": 0.0},
    )


def trained(prepared: PreparedObjective, epochs: int = 1, **parts: Any) -> Trained:  # noqa: ANN401
    configuration = Configuration(learning_rate=3e-3, training={"epochs": epochs}, **parts)
    return train_production(prepared, configuration, CPU, lambda *_: None, keep_best=False)


@pytest.mark.parametrize("family", ["scratch:tiny", "gpt2"])
def test_the_cost_of_a_writing_model_does_not_depend_on_its_weights(
    objective: Objectives, architectures: Architectures, family: str
):
    prepared = writing(objective, family if family.startswith("scratch") else architectures(family), target="label")
    model = prepared.models.build(["main"], TrainingSettings())
    first = inference_cost(model, prepared, CPU)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    assert inference_cost(model, prepared, CPU) == first
    assert first["cost.gflops"] > 0


def texts_of(prepared: PreparedObjective, model: MultiTaskModel) -> list[str]:
    """What a model writes of the validation rows."""
    written = predict(model, prepared.validation, prepared, CPU, "fp32")[:, 2]
    return [prepared.codes.text(row[row != IGNORED].long()) for row in written]


def batch_of(prepared: PreparedObjective, rows: int = 6) -> Batch:
    task_rows = prepared.main
    batch = gathered(task_rows, torch.arange(rows), prepared.pad, fixed_shapes=False)
    return task_rows.task.prepare(batch, prepared.codes, torch.Generator().manual_seed(0))


@pytest.fixture(params=EVERY_FAMILY)
def prepared(request: pytest.FixtureRequest, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    family: str = request.param
    encoder = family if family.startswith("scratch") else architectures(family)
    return writing(objective, encoder, target="label")


@pytest.fixture
def model(prepared: PreparedObjective) -> MultiTaskModel:
    return prepared.models.build(["main"], TrainingSettings(dropout=0.0)).eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"target": "label"}, "label"),
        *(pytest.param({"noise": noise}, "text", marks=pytest.mark.slow) for noise in (0.0, 0.1)),
    ],
)
def test_a_toy_language_is_learnt(objective: Objectives, settings: dict[str, Any], expected: str):
    prepared = writing(objective, "scratch:tiny", **settings)
    done = trained(prepared, epochs=25)
    measured = evaluate(done.run.model, prepared.validation, prepared, CPU, "fp32")
    if settings.get("noise") == 0.1:  # a word that is hidden can only be guessed
        assert 0.7 < measured["chrf"] < 1
        assert 0.8 < measured["token_accuracy"] < 1
        return
    assert measured == pytest.approx({"chrf": 1, "token_accuracy": 1, "perplexity": 1}, abs=0.1)
    assert measured["chrf"] == 1
    assert texts_of(prepared, done.run.model) == prepared.corpus.validation.column(expected)


@pytest.mark.slow
def test_chinese_is_written_without_blanks_to_part_its_words(objective: Objectives):
    prepared = writing(objective, rows=CHINESE, target="label")
    done = trained(prepared, epochs=60)
    assert evaluate(done.run.model, prepared.validation, prepared, CPU, "fp32")["chrf"] > 0.9
    assert "".join(texts_of(prepared, done.run.model)[0].split()) in {label for _, label, _ in CHINESE}


def test_a_scratch_encoder_knows_the_words_it_is_to_write(objective: Objectives):
    rows = [(text, f"zyklon {colour}", colour) for text, _, colour in PHRASES]
    prepared = writing(objective, rows=rows, target="label")
    assert "zyklon" in prepared.encoder.tokenizer.get_vocab()


@pytest.mark.slow
def test_the_export_computes_the_trained_logits_and_writes_the_same(prepared: PreparedObjective, tmp_path: Path):
    done = trained(prepared, epochs=2)
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    decoder_only = prepared.encoder.family == "decoder"
    opens = AutoModelForCausalLM if decoder_only else AutoModelForSeq2SeqLM
    model: Any = opens.from_pretrained(tmp_path / "model").eval()
    own, batch = done.run.model.eval(), batch_of(prepared)
    original = prepared.codes.original
    ids, mask, known = original[batch.ids], batch.mask.long(), batch.targets != IGNORED
    with torch.inference_mode():
        (encoded,) = encode(own.encoder, [batch])
        expected = target_logits(own.head("main"), encoded, batch.mask, batch.targets)
        if decoder_only:
            logits = model(input_ids=ids, attention_mask=mask).logits
            ends = zip(logits, mask.sum(1).tolist(), known.sum(1).tolist(), strict=True)
            logits = torch.cat([row[end - count : end] for row, end, count in ends])
        else:
            given = torch.where(known, original[batch.targets.clamp(min=0)], 0).roll(1, dims=1)
            given[:, 0] = model.config.decoder_start_token_id
            logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=given).logits[known]
    torch.testing.assert_close(logits[:, original], expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 1e-2
    tokenizer, end = AutoTokenizer.from_pretrained(tmp_path / "model"), prepared.codes.separator
    found: list[str] = []
    for text in prepared.corpus.validation.column("text"):
        inputs = tokenizer(text, return_tensors="pt")
        ids = inputs["input_ids"]
        if end is not None:
            ids = torch.cat([ids, original[torch.tensor([[end]])]], dim=1)
        written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
        found.append(tokenizer.decode(written[ids.shape[1] if decoder_only else 0 :], skip_special_tokens=True))
    assert found == texts_of(prepared, own)


@pytest.mark.slow
def test_what_is_written_with_a_cache_is_what_is_written_without(prepared: PreparedObjective, model: MultiTaskModel):
    """Row by row, each token from all before it, through the true targets' way."""
    batch, head = batch_of(prepared), model.head("main")
    with torch.inference_mode():
        (encoded,) = encode(model.encoder, [batch])
        prompts = batch.mask.sum(1) - (batch.targets != IGNORED).sum(1) + 1
        written = greedy(head, encoded, batch.ids, batch.mask, prompts, 5)
        source = gathered(prepared.main, torch.arange(6), prepared.pad, fixed_shapes=False)
        for row in range(6):
            alone = replace(source, ids=source.ids[[row]], mask=source.mask[[row]])
            tokens = list[int]()
            while len(tokens) < 5 and (not tokens or tokens[-1] != head.model.config.eos_token_id):
                given = prepared.main.task.prepare(
                    replace(alone, targets=torch.tensor([[*tokens, 0]])), prepared.codes, torch.Generator()
                )
                (one,) = encode(model.encoder, [given])
                tokens.append(int(target_logits(head, one, given.mask, given.targets)[-1].argmax()))
            assert written[row][written[row] != IGNORED].tolist() == tokens


def test_padding_changes_nothing(prepared: PreparedObjective, model: MultiTaskModel):
    batch, task = batch_of(prepared), prepared.main.task
    ids = torch.nn.functional.pad(batch.ids, (0, 5), value=7)
    padded = replace(batch, ids=ids, mask=torch.nn.functional.pad(batch.mask, (0, 5)))
    torch.testing.assert_close(model({task: padded}), model({task: batch}), atol=1e-5, rtol=1e-5)
    alone = replace(batch, ids=batch.ids[:1], mask=batch.mask[:1], targets=batch.targets[:1])
    found, expected = model.predict(task, padded)[0], model.predict(task, alone)[0]
    length = int((batch.targets[0] != IGNORED).sum())
    torch.testing.assert_close(found[:2, :length], expected[:2, :length], atol=1e-5, rtol=1e-5)
    assert found[2][found[2] != IGNORED].tolist() == expected[2][expected[2] != IGNORED].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "electra", "gpt2", "t5"])
def test_a_trimmed_vocabulary_writes_the_same_texts(objective: Objectives, architectures: Architectures, family: str):
    found = [
        objective(
            rows=PHRASES,
            tasks={"main": {"kind": "generation", "target": "label", "max_target_length": 8}},
            objective="main.chrf",
            model={"encoder": str(architectures(family)), "max_length": 16, "trim_vocabulary": trim},
            training={"epochs": 1, "batch_size": 16},
        )
        for trim in (True, False)
    ]
    trimmed, whole = found
    assert trimmed.codes.size < whole.codes.size
    rows = torch.arange(len(whole.main.targets))
    kept, full = trimmed.main.targets[rows], whole.main.targets[rows]
    known = full != IGNORED
    assert torch.equal(trimmed.codes.original[kept[known]], full[known])
    assert torch.equal(kept != IGNORED, known)
    models = [one.models.build(["main"], TrainingSettings(dropout=0.0)).eval() for one in found]
    logits = [
        target_logits(model.head("main"), encode_one(model, batch_of(one)), batch_of(one).mask, batch_of(one).targets)
        for one, model in zip(found, models, strict=True)
    ]
    torch.testing.assert_close(logits[0], logits[1][:, trimmed.codes.original], atol=1e-5, rtol=1e-5)


def encode_one(model: MultiTaskModel, batch: Batch) -> Any:  # noqa: ANN401
    (encoded,) = encode(model.encoder, [batch])
    return encoded


def decoder_of(model: PreTrainedModel) -> PreTrainedModel:
    decoder = model.get_submodule("decoder")
    assert isinstance(decoder, PreTrainedModel)
    return decoder


@pytest.mark.parametrize(("family", "width"), [("bert", "alike"), ("electra", "apart")])
def test_the_light_decoder_reads_and_writes_through_the_shared_table(
    objective: Objectives, architectures: Architectures, family: str, width: str
):
    prepared = writing(objective, architectures(family), target="label")
    model = prepared.models.build(["main"], TrainingSettings())
    decoder = decoder_of(model.head("main").model)
    output = decoder.get_output_embeddings()
    assert isinstance(output, torch.nn.Linear)
    assert output.weight is input_table(decoder).weight
    assert (output.weight is input_table(model.encoder).weight) == (width == "alike")
    assert len(output.weight) == prepared.codes.size


@pytest.mark.slow
@pytest.mark.parametrize("family", ["scratch:tiny", "bert", "gpt2", "t5", "bart"])
def test_the_head_beside_an_export_computes_its_trained_logits(
    objective: Objectives, architectures: Architectures, tmp_path: Path, family: str
):
    tasks = {
        "sentiment": {"kind": "classification"},
        "copy": {"kind": "generation", "max_target_length": 8, "noise": 0.0},
    }
    encoder = family if family.startswith("scratch") else str(architectures(family))
    for main, task in tasks.items():
        ordered = {main: task, **tasks}
        prepared = objective(
            tasks=ordered,
            objective=f"{main}.{'chrf' if main == 'copy' else 'accuracy'}",
            model={"encoder": encoder},
            training={"epochs": 1, "batch_size": 8},
        )
        (other,) = tasks.keys() - {main}
        configuration = Configuration(learning_rate=3e-3, ratios={other: 1.0})
        done = train_production(
            prepared,
            configuration,
            CPU,
            lambda *_: None,
            keep_best=True,
        )
        save_model(done, prepared, tmp_path / main, {}, tmp_path)
        loaded, original = load_heads(tmp_path / main), prepared.codes.original
        batch = gathered(prepared.main, torch.arange(5), prepared.pad, fixed_shapes=False)
        given = {"attention_mask": batch.mask}
        written = {} if family == "gpt2" else {"decoder_input_ids": batch.ids[:, :6]}
        done.run.model.eval()
        for name in tasks:
            own_ids = written if name == "copy" else {}
            full_ids = {key: original[ids] for key, ids in own_ids.items()}
            own = done.run.model.read(name, batch.ids, **given, **own_ids).logits
            found = loaded.read(name, original[batch.ids], **given, **full_ids).logits
            if name == "copy":
                found = found[..., original]
            seen = batch.mask if own.ndim == 3 and not own_ids else slice(None)
            torch.testing.assert_close(found[seen], own[seen], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_light_decoder_has_as_many_layers_as_asked(tmp_path: Path, layers: int):
    encoder = open_encoder("scratch:tiny", tmp_path, ["a text"] * 3, 16)
    model = task_of(decoder_layers=layers, max_target_length=12).build(encoder)
    assert isinstance(model, EncoderDecoderModel)
    decoder = decoder_of(model)
    assert len({name.split(".")[3] for name, _ in decoder.named_parameters() if ".layer." in name}) == layers
    assert decoder.config.max_position_embeddings == 12
    assert model.base_model is model.encoder


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_layers_for_a_model_that_writes_with_its_own_are_refused(architectures: Architectures, family: str):
    encoder = open_encoder(str(architectures(family)), Path(), [], 16)
    with pytest.raises(EncoderError, match=r"decoder_layers: .* writes with its own"):
        task_of(decoder_layers=2).build(encoder)


def test_an_encoder_without_a_token_that_ends_a_text_is_refused(architectures: Architectures):
    encoder = open_encoder(str(architectures("gpt2")), Path(), [], 16)
    encoder.tokenizer.eos_token = None
    with pytest.raises(EncoderError, match=r"tasks: text: .* no token that ends a text"):
        task_of().build(encoder)


@pytest.mark.parametrize(
    ("family", "most", "reason"),
    [
        ("gpt2", 24, r"model.max_length 16 and 30 are more than the 40 positions"),
        ("bart", 40, "50 are more than the 40"),
    ],
)
def test_more_tokens_than_positions_are_refused(
    objective: Objectives, architectures: Architectures, family: str, most: int, reason: str
):
    asked = {"gpt2": 30, "bart": 50}[family]
    with pytest.raises(EncoderError, match=f"main: max_target_length: .*{reason}.*at most {most}"):
        writing(objective, architectures(family), max_target_length=asked)
    writing(objective, architectures(family), max_target_length=most)


def noisy(codes: TextCodes, **settings: object) -> tuple[Batch, Batch]:
    """A batch before and after the task prepared it; the first and last token of each row are special."""
    ids = torch.randint(5, 1000, (200, 50), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = 2, 3
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:100, 40:] = False
    before = Batch(ids, mask, ids[:, 1:11].clone())
    return before, task_of(**settings).prepare(before, codes, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("noise", [0.0, 0.15, 0.6])
def test_noise_hides_a_share_of_the_source_and_nothing_of_the_target(codes: TextCodes, noise: float):
    before, after = noisy(codes, noise=noise)
    hidden = after.ids == 4
    ordinary = before.mask & (before.ids >= 5)
    assert hidden[ordinary].float().mean().item() == pytest.approx(noise, abs=0.02)
    assert not hidden[~ordinary].any()
    assert torch.equal(after.ids[~hidden], before.ids[~hidden])
    assert torch.equal(after.targets, before.targets)


def test_without_a_mask_token_any_ordinary_token_hides_another(codes: TextCodes):
    before, after = noisy(replace(codes, mask=None), noise=0.5)
    changed = after.ids != before.ids
    ordinary = before.mask & (before.ids >= 5)
    assert changed[ordinary].float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert not changed[~ordinary].any()
    assert after.ids[changed].min() >= 5


def test_nothing_is_hidden_of_a_text_that_has_a_target(codes: TextCodes):
    before, after = noisy(codes, target="summary")
    assert torch.equal(after.ids, before.ids)
    with pytest.raises(ValidationError, match="`noise` is for reconstructing"):
        task_of(target="summary", noise=0.2)


def test_source_and_target_in_one_row():
    ids = torch.tensor([[5, 6, 7], [8, 0, 0]])
    targets = torch.tensor([[20, 9, IGNORED], [21, 22, 9]])
    found, mask = in_one_row(ids, ids != 0, targets, end=9, pad=0)
    assert found.tolist() == [[5, 6, 7, 9, 20, 0], [8, 9, 21, 22, 0, 0]]
    assert mask.tolist() == [[True] * 5 + [False], [True] * 4 + [False] * 2]


def test_rewritten_sources_keep_their_targets(objective: Objectives, architectures: Architectures):
    """Of a decoder-only model too, whose rows hold both: a variant may be longer or shorter than its row."""
    task = {"kind": "generation", "target": "label", "max_target_length": 12}
    prepared = objective(
        rows=PHRASES,
        tasks={"main": task},
        objective="main.chrf",
        model={"encoder": str(architectures("gpt2"))},
        training={"epochs": 1, "batch_size": 16},
        augmentation={"operations": ["noise"], "share": [0.5, 1.0], "magnitude": [0.5, 0.5]},
    )
    mix = Mix(operations={"noise": 1.0}, magnitude=0.5)
    batches = batches_of(prepared, Configuration(learning_rate=1e-3, mix=mix), fixed_shapes=False)
    (batch,) = batches.at(0).values()
    rows = batches.orders["main"].rows(0)
    end, lengths = prepared.codes.separator, batch.mask.sum(1)
    for ids, length, targets in zip(batch.ids, lengths.tolist(), prepared.main.targets[rows], strict=True):
        target = targets[targets != IGNORED].tolist()
        assert ids[length - len(target) : length].tolist() == [end, *target[:-1]]
    sources = lengths - (batch.targets != IGNORED).sum(1)
    assert not torch.equal(sources, prepared.main.tokens.lengths[rows])


@pytest.mark.parametrize("training", [True, False])
def test_rows_with_nothing_to_write_are_dropped_and_counted(tmp_path: Path, training: bool):
    rows = [{"text": f"text {i}", "summary": summary} for i, summary in enumerate(["a", "", "b", "  "])]
    kept, (finding,) = task_of(target="summary").vetted(table_of(tmp_path, rows), training=training)
    assert kept.column("summary") == ["a", "b"]
    assert (finding.what, finding.count, finding.action) == ("empty text to write", 2, "dropped")
    assert finding.examples == ("rows.jsonl, line 2", "rows.jsonl, line 4")


def test_empty_targets_never_reach_training_nor_validation(objective: Objectives):
    rows = [(text, "" if place % 4 == 0 else label, colour) for place, (text, label, colour) in enumerate(PHRASES)]
    prepared = writing(objective, rows=rows, target="label")
    assert all(prepared.corpus.train["main"].column("label"))
    assert all(prepared.corpus.validation.column("label"))
    assert [f.count for f in prepared.findings if "empty text to write" in f.what] == [20]


@pytest.mark.parametrize("settings", [{"target": "summary"}, {}])
def test_a_column_that_is_empty_throughout_is_an_error(tmp_path: Path, settings: dict[str, object]):
    column = settings.get("target", "text")
    table = table_of(tmp_path, [{"text": " ", "summary": ""}] * 3)
    with pytest.raises(DataError, match=f"rows.jsonl: task 'text': column '{column}' is empty in every row"):
        task_of(**settings).fitted(table)


def test_a_missing_column_is_an_error(tmp_path: Path):
    table = table_of(tmp_path, [{"text": "a", "summary": "b"}])
    with pytest.raises(DataError, match=r"no column 'sumary'.*summary"):
        task_of(target="sumary").fitted(table)


@pytest.mark.slow
def test_one_text_may_have_several_targets(tmp_path: Path, objective: Objectives):
    rows = [(text, f"{label} {again}", colour) for text, label, colour in PHRASES for again in ("now", "then")]
    assert len(writing(objective, rows=rows, target="label").corpus.train["main"]) > len(PHRASES)


def scratch(folder: Path) -> EncoderSource:
    return open_encoder("scratch:tiny", folder, ["one two three four five six seven"] * 3, 16)


@pytest.mark.parametrize(("limit", "words", "cut"), [(4, 4, True), (8, 7, False)])
def test_targets_are_cut_to_their_greatest_length(tmp_path: Path, limit: int, words: int, cut: bool):
    table = table_of(tmp_path, [{"text": "one", "long": "one two three four five six seven"}])
    encoder = scratch(tmp_path)
    found = task_of(target="long", max_target_length=limit).examples(table, encoder, 16)
    targets = found.targets[torch.tensor([0])][0].tolist()
    ended = targets[-1] == encoder.tokenizer.sep_token_id
    assert (len(targets) - ended, ended) == (words, not cut)
    assert [finding.action for finding in found.findings] == ["noted"] * cut
    assert all("cut to max_target_length 4" in finding.what for finding in found.findings)
    assert isinstance(found.targets, Written)
    assert found.targets.texts == ["one two three four five six seven"]


def test_no_more_is_written_than_the_greatest_length(objective: Objectives):
    prepared = writing(objective, max_target_length=3)
    model = prepared.models.build(["main"], TrainingSettings())
    bias = model.head("main").model.get_parameter("decoder.cls.predictions.bias")
    with torch.no_grad():
        bias[prepared.codes.size - 1] = 50  # never ends
    assert predict(model, prepared.validation, prepared, CPU, "fp32").shape[-1] == 3


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, "one two"), ({"text_pair": "other"}, "one two three"), ({"tokens": "words"}, "four five")],
)
def test_what_is_reconstructed(tmp_path: Path, settings: dict[str, object], expected: str):
    row = {"text": "one two", "other": "three", "words": ["four", "five"]}
    found = task_of(**settings).examples(table_of(tmp_path, [row]), scratch(tmp_path), 16)
    assert isinstance(found.targets, Written)
    assert found.targets.texts == [expected]


def measured(codes: TextCodes, predictions: torch.Tensor, texts: list[str]) -> dict[str, float]:
    targets = Written(torch.tensor([5, 3, 6, 7, 3]), torch.tensor([0, 2, 5]), texts)
    return task_of().measure(predictions, targets, codes)


def test_metrics_of_known_predictions(codes: TextCodes):
    pieces = [codes.tokenizer.convert_ids_to_tokens(i) for i in (5, 6, 7)]
    texts = [codes.text(torch.tensor([5])), codes.text(torch.tensor([6, 7]))]
    half = torch.tensor(0.5).log().item()
    predictions = torch.tensor(
        [
            [[half, half, -100, -100], [5, 3, -100, -100], [5, 3, -100, -100]],
            [[half, half, half, -100], [6, 3, 7, -100], [6, 7, 3, -100]],
        ]
    )
    found = measured(codes, predictions, texts)
    assert pieces
    assert found == pytest.approx({"chrf": 1, "token_accuracy": 3 / 5, "perplexity": 2})
    predictions[1, 2, 1] = 5
    assert 0 < measured(codes, predictions, texts)["chrf"] < 1
    predictions[:, 0] = -1000
    assert measured(codes, predictions, texts)["perplexity"] == pytest.approx(torch.tensor(80.0).double().exp().item())
