"""Settings that shape the layers: what each does to every family, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.models.encoders import open_encoder
from autotune.objectives.models.layers import check_layers, layer_stacks
from autotune.objectives.models.vocabulary import input_table
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.evaluating import predict
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.mixing import gathered
from autotune.objectives.training.production import Trained, train_production
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import EncoderError
from autotune.spaces.training import TrainingSettings
from transformers import AutoModelForSequenceClassification

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]
CPU = torch.device("cpu")

ENCODERS = ["bert", "roberta", "distilbert", "electra", "xlm-roberta", "mpnet", "deberta-v2", "modernbert"]
LAYERED = [*ENCODERS, "gpt2", "llama", "opt", "t5", "bart"]
FAMILIES = [*LAYERED, "albert"]
TASKS = {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}}


@pytest.fixture(params=LAYERED)
def prepared(request: pytest.FixtureRequest, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    return on(request.param, objective, architectures)


def on(family: str, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    training = {"epochs": 1, "batch_size": 8}
    return objective(tasks=TASKS, model={"encoder": str(architectures(family))}, training=training)


def built(prepared: PreparedObjective, **training: float | None) -> MultiTaskModel:
    return prepared.models.build(prepared.train, TrainingSettings.model_validate(training))


def trained(prepared: PreparedObjective, **training: int | float) -> Trained:
    configuration = Configuration(learning_rate=3e-3, ratios={"aspect": 1.0}, training=dict(training))
    return train_production(prepared, configuration, CPU, lambda *_: None, keep_best=False)


def weights(layer: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in layer.parameters()])


def losses(prepared: PreparedObjective, model: MultiTaskModel) -> torch.Tensor:
    rows = torch.arange(8)
    given = {r.task: gathered(r, rows, prepared.pad, fixed_shapes=False) for r in prepared.train.values()}
    return torch.stack(list(model(given).values()))


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_reaches_every_place(
    family: str, objective: Objectives, architectures: Architectures, monkeypatch: pytest.MonkeyPatch
):
    prepared = on(family, objective, architectures)
    seen, attention = set[float](), set[float]()
    plain, fused = torch.nn.functional.dropout, torch.nn.functional.scaled_dot_product_attention

    def drop(value: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
        seen.add(p)
        return plain(value, p, training, inplace)

    def attend(*given: torch.Tensor, dropout_p: float = 0.0, **named: object) -> torch.Tensor:
        attention.add(dropout_p)
        return fused(*given, dropout_p=dropout_p, **named)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(torch.nn.functional, "dropout", drop)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attend)
    losses(prepared, built(prepared, dropout=0.3).train())
    assert seen | attention == {0.3}
    modules = family in ("mpnet", "deberta-v2")  # their attention is written out, with a module for its dropout
    assert bool(attention) != modules
    without = built(prepared, dropout=0.0).train()
    assert torch.equal(losses(prepared, without), losses(prepared, without))


def test_llamas_attention_alone_has_dropout_and_gets_it(objective: Objectives, architectures: Architectures):
    prepared = on("llama", objective, architectures)
    own, dropped = built(prepared).train(), built(prepared, dropout=0.5).train()
    assert torch.equal(losses(prepared, own), losses(prepared, own))
    assert not torch.equal(losses(prepared, dropped), losses(prepared, dropped))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_fewer_layers_are_a_smaller_model_and_export_as_one(
    family: str, objective: Objectives, architectures: Architectures, tmp_path: Path
):
    prepared = on(family, objective, architectures)
    whole, short = built(prepared), built(prepared, keep_layers=1)
    if family != "albert":
        assert [len(stack) for stack in layer_stacks(whole.encoder)] == [2] * len(layer_stacks(short.encoder))
        assert all(len(stack) == 1 for stack in layer_stacks(short.encoder))
        kept, first = layer_stacks(short.encoder)[0][0], layer_stacks(whole.encoder)[0][0]
        assert torch.equal(weights(kept), weights(first))
        assert sum(p.numel() for p in short.parameters()) < sum(p.numel() for p in whole.parameters())
    assert not torch.allclose(losses(prepared, short.eval()), losses(prepared, whole.eval()), atol=1e-4)
    done = trained(prepared, keep_layers=1)
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert model.config.num_hidden_layers == 1
    texts = prepared.corpus.validation.column("text")
    inputs = prepared.encoder.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
    own = predict(done.run.model, prepared.validation, prepared, CPU, "fp32")
    torch.testing.assert_close(logits, own, atol=1e-5, rtol=1e-5)


def test_trials_with_as_many_layers_start_alike(prepared: PreparedObjective):
    first, second, whole = (built(prepared, keep_layers=n) for n in (1, 1, 2))
    assert all(map(torch.equal, first.parameters(), second.parameters()))
    assert all(map(torch.equal, whole.parameters(), built(prepared).parameters()))


def test_frozen_layers_and_embeddings_stay_and_the_rest_trains(prepared: PreparedObjective):
    before = dict(built(prepared).named_parameters())
    done = trained(prepared, freeze_layers=1, weight_decay=0.1)
    model = done.run.model
    depths = model.depths()
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == (depths[name] > 1)
        if depths[name] <= 1:
            assert torch.equal(parameter, before[name])
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    stacks = layer_stacks(model.encoder)
    for top in (stack[1] for stack in stacks):
        inside = {id(parameter) for parameter in top.parameters()}
        assert moved & {name for name, parameter in model.named_parameters() if id(parameter) in inside}
    assert any(name.startswith("heads.") for name in moved)
    assert not input_table(model.encoder).weight.requires_grad


def test_reinitialized_layers_start_anew_the_same_for_every_trial(prepared: PreparedObjective):
    own, first, second = built(prepared), *(built(prepared, reinitialize_layers=1) for _ in range(2))
    for old, new, again in zip(*(layer_stacks(model.encoder) for model in (own, first, second)), strict=True):
        assert torch.equal(weights(old[0]), weights(new[0]))
        assert not torch.equal(weights(old[1]), weights(new[1]))
        assert torch.equal(weights(new[1]), weights(again[1]))
    both = built(prepared, reinitialize_layers=2)
    assert not torch.equal(weights(layer_stacks(own.encoder)[0][0]), weights(layer_stacks(both.encoder)[0][0]))
    assert torch.equal(input_table(own.encoder).weight, input_table(both.encoder).weight)
    assert not torch.allclose(losses(prepared, own.eval()), losses(prepared, first.eval()), atol=1e-4)


def test_a_pooler_starts_anew_with_the_layers_below_it(objective: Objectives, architectures: Architectures):
    prepared = on("bert", objective, architectures)
    own, new = (built(prepared, reinitialize_layers=n).encoder.get_submodule("pooler") for n in (0, 1))
    assert not torch.equal(weights(own), weights(new))


def test_layers_that_start_anew_train_whatever_is_frozen(prepared: PreparedObjective):
    model = built(prepared, freeze_layers=2, reinitialize_layers=1)
    for stack in layer_stacks(model.encoder):
        assert not any(parameter.requires_grad for parameter in stack[0].parameters())
        assert all(parameter.requires_grad for parameter in stack[1].parameters())


@pytest.mark.slow
def test_more_than_what_is_left_means_all_of_it(prepared: PreparedObjective):
    model = built(prepared, keep_layers=1, freeze_layers=2, reinitialize_layers=0)
    assert all(not p.requires_grad for stack in layer_stacks(model.encoder) for p in stack[0].parameters())
    assert all(parameter.requires_grad for parameter in model.heads.parameters())
    built(prepared, keep_layers=1, reinitialize_layers=2)


def test_depths_rise_from_the_embeddings_to_the_heads(prepared: PreparedObjective):
    model = built(prepared)
    depths = model.depths()
    assert set(depths) == set(dict(model.named_parameters()))
    assert set(depths.values()) == {0, 1, 2, 3}
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    for stack in layer_stacks(model.encoder):
        for depth, layer in enumerate(stack, 1):
            assert {depths[named[id(parameter)]] for parameter in layer.parameters()} == {depth}
    assert depths[named[id(input_table(model.encoder).weight)]] == 0
    assert all(depth == 3 for name, depth in depths.items() if name.startswith("heads."))
    assert all(depth == 0 for name, depth in depths.items() if "position" in name or "embed" in name)


@pytest.mark.parametrize("key", ["keep_layers", "freeze_layers", "reinitialize_layers"])
def test_more_layers_than_there_are(architectures: Architectures, prepared: PreparedObjective, key: str):
    message = f"training: {key}: 3 is more than the 2 layers of"
    with pytest.raises(EncoderError, match=message):
        check_layers(prepared.encoder, TrainingSettings.model_validate({key: 3}))
    with pytest.raises(EncoderError, match=message):
        built(prepared, **{key: 3})
    check_layers(prepared.encoder, TrainingSettings.model_validate({key: 2}))


@pytest.mark.parametrize(("key", "value"), [("freeze_layers", 1), ("reinitialize_layers", 1), ("layer_decay", 0.9)])
def test_layers_that_share_their_weights_cannot_differ(architectures: Architectures, key: str, value: float):
    source = open_encoder(str(architectures("albert")), Path(), [], 16)
    with pytest.raises(EncoderError, match=f"training: {key}: {value:g} needs layers with weights of their own"):
        check_layers(source, TrainingSettings.model_validate({key: value}))
    check_layers(source, TrainingSettings(keep_layers=1))
    check_layers(source, TrainingSettings())
