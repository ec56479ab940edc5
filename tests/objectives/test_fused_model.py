"""A stacked model computes for each trial what transformers' own model computes for it alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.fused.model import COUNTED_FROM_ZERO, FusedModel, unstackable
from autotune.objectives.multi_task.fused.slots import StackedTrial
from autotune.objectives.multi_task.model import PASS_TOKENS, MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.seeds import generator
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.tasks.task import Task
from autotune.objectives.training.device import autocast_passes
from autotune.objectives.training.mixing import gathered
from transformers import AutoModel

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]

KINDS: dict[str, dict[str, object]] = {
    "classification": {},
    "multi_label": {},
    "regression": {"label": "stars"},
    "token_classification": {"tokens": "text"},
    "masked_lm": {},
}
FAMILIES = list(COUNTED_FROM_ZERO)
SLOTS = 3


@pytest.fixture
def prepared(request: pytest.FixtureRequest, objective: Objectives, architectures: Architectures) -> PreparedObjective:
    """A task of every kind, on the encoder that the test names."""
    minilm = request.param == "minilm"
    encoder = request.getfixturevalue("minilm") if minilm else architectures(request.param)
    return objective(
        tasks={kind: {"kind": kind, **settings} for kind, settings in KINDS.items()},
        objective="classification.accuracy",
        model={"encoder": str(encoder), "trim_vocabulary": minilm},
    )


families = pytest.mark.parametrize(
    "prepared", [*FAMILIES, pytest.param("minilm", marks=pytest.mark.slow)], indirect=True
)


def trials(prepared: PreparedObjective) -> list[MultiTaskModel]:
    """Models of every task without dropout, whose weights differ."""
    training = prepared.settings.training.model_copy(update={"dropout": 0.0})
    models = [prepared.models.build(KINDS, training) for _ in range(SLOTS)]
    for number, model in enumerate(models):
        random = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=random), alpha=0.05)
    return models


def fused(prepared: PreparedObjective, models: list[MultiTaskModel]) -> tuple[FusedModel, torch.Tensor, torch.Tensor]:
    """A stacked model, the trials' weights and their gradients, (slots, total)."""
    training = prepared.settings.training.model_copy(update={"dropout": 0.0})
    found = FusedModel(prepared.models.build(KINDS, training), prepared.seed)
    weights = torch.stack([found.layout.flat(dict(model.named_parameters())) for model in models])
    gradients = torch.zeros_like(weights)
    found.bind(weights, gradients)
    return found, weights, gradients


def batches(prepared: PreparedObjective, trial: int) -> dict[Task[Any], Batch]:
    """Six rows of every task, others in each trial, all of one length."""
    rows = torch.arange(6) + 6 * trial
    found: dict[Task[Any], Batch] = {}
    for name, known in prepared.train.items():
        batch = gathered(known, rows, prepared.pad, fixed_shapes=False)
        parts = known.tokens.gather(rows, 16, prepared.pad)
        batch = Batch(parts["ids"], parts["mask"], batch.targets, types=parts.get("types"))
        found[known.task] = known.task.prepare(batch, prepared.codes, generator(0, name, trial))
    return found


@families
def test_losses_and_gradients_are_those_of_each_trial_alone(prepared: PreparedObjective):
    models = trials(prepared)
    model, _, gradients = fused(prepared, models)
    given = [batches(prepared, trial) for trial in range(SLOTS)]
    losses: dict[str, torch.Tensor] = {}
    for number, found in enumerate(model.train().passes(given, PASS_TOKENS)):
        model.backward(torch.stack(list(found.values())).sum(), first=number == 0)
        losses |= found
    assert set(losses) == set(KINDS)
    for trial, alone in enumerate(models):
        expected = alone.train()(given[trial])
        torch.stack(list(expected.values())).sum().backward()
        for name in KINDS:
            assert losses[name][trial].item() == pytest.approx(expected[name].item(), rel=1e-5)
        named = model.layout.named(gradients[trial])
        known = {name: parameter.grad for name, parameter in alone.named_parameters() if parameter.grad is not None}
        assert set(known) == set(named)
        # Some gradients are zero but for rounding: that of a key's bias, which shifts all of a query's logits alike.
        rounding = 1e-6 * float(torch.stack([gradient.norm() for gradient in known.values()]).norm())
        for name, gradient in known.items():
            assert (named[name] - gradient).norm() <= 1e-4 * gradient.norm() + rounding, name


@families
def test_in_bf16_they_are_those_of_fp32_but_for_rounding(prepared: PreparedObjective):
    """Weights are rounded once a step, after they changed; what autocast gives is as far from fp32."""
    models = trials(prepared)
    model, weights, gradients = fused(prepared, models)
    model.bind(torch.zeros_like(weights), gradients, torch.bfloat16)
    model._weights.copy_(weights)
    model.begin([StackedTrial()] * SLOTS)
    given = [batches(prepared, trial) for trial in range(SLOTS)]
    losses: dict[str, torch.Tensor] = {}
    for number, found in enumerate(autocast_passes(model.train().passes(given, PASS_TOKENS), weights.device, "bf16")):
        model.backward(torch.stack(list(found.values())).sum(), first=number == 0)
        losses |= found
    for trial, alone in enumerate(models):
        expected = alone.train()(given[trial])
        named = dict(alone.named_parameters())
        found = torch.autograd.grad(torch.stack(list(expected.values())).sum(), list(named.values()))
        exact = torch.stack([expected[name] for name in KINDS])
        assert (torch.stack([losses[name][trial] for name in KINDS]) - exact).norm() <= 0.04 * exact.norm()
        gradient = model.layout.flat(dict(zip(named, found, strict=True)))
        assert 0.003 * gradient.norm() <= (gradients[trial] - gradient).norm() <= 0.04 * gradient.norm()


@families
def test_predictions_are_those_of_each_trial_alone(prepared: PreparedObjective):
    models = trials(prepared)
    model, *_ = fused(prepared, models)
    with torch.inference_mode():
        for task, batch in batches(prepared, 0).items():
            found = model.eval().predict(task, batch)
            for trial, alone in enumerate(models):
                torch.testing.assert_close(found[trial], alone.eval().predict(task, batch), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("prepared", FAMILIES, indirect=True)
def test_written_back_weights_open_as_transformers_own_model(prepared: PreparedObjective, tmp_path: Path):
    """The trial's row, as a plain model's parameters, is saved by transformers and read by its Auto classes."""
    model, weights, _ = fused(prepared, trials(prepared))
    task, batch = prepared.main.task, batches(prepared, 0)[prepared.main.task]
    with torch.inference_mode():
        expected = model.eval().predict(task, batch)[1]
        states = model._encode([[batch]] * SLOTS)
        expected_states = next(states).last_hidden_state.unflatten(0, (SLOTS, -1))[1]
    plain = prepared.models.build([task.name], prepared.settings.training)
    named = model.layout.named(weights[1])
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(named[name])
    plain.encoder.save_pretrained(tmp_path / "encoder")
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    with torch.inference_mode():
        opened = AutoModel.from_pretrained(tmp_path / "encoder").eval()
        torch.testing.assert_close(opened(**inputs).last_hidden_state, expected_states, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(plain.eval().predict(task, batch), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["albert", "modernbert", "gpt2"])
def test_what_cannot_be_stacked_says_so(family: str, objective: Objectives, architectures: Architectures):
    prepared = objective(model={"encoder": str(architectures(family))}, tasks={"sentiment": {"kind": "classification"}})
    model = prepared.models.build(["sentiment"], prepared.settings.training)
    assert family in (unstackable(model) or "")


def test_a_decoder_of_a_stacked_architecture_says_so(objective: Objectives, architectures: Architectures):
    """The stacked attention would let its tokens see those behind them."""
    encoder = str(architectures("bert", is_decoder=True))
    prepared = objective(model={"encoder": encoder}, tasks={"sentiment": {"kind": "classification"}})
    model = prepared.models.build(["sentiment"], prepared.settings.training)
    assert "is_decoder" in (unstackable(model) or "")


def test_a_weight_outside_the_stacked_layers_is_found(objective: Objectives):
    prepared = objective()
    model = prepared.models.build(["sentiment"], prepared.settings.training)
    assert unstackable(model) is None
    model.encoder.register_parameter("scale", torch.nn.Parameter(torch.ones(1)))
    assert "encoder.scale" in (unstackable(model) or "")
