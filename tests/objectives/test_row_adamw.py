"""AdamW over rows is torch's AdamW over a model's parameters, trial by trial."""

from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.fused.weights import FlatWeights
from autotune.objectives.training.fused.row_adamw import RowAdamW, clip_rows
from autotune.objectives.training.optimizer import load_moments, make_optimizer, moments, rate_factor, set_rates
from autotune.spaces.training import TrainingSettings
from torch import nn

STEPS = 12
TRIALS: list[tuple[float, int, dict[str, Any]]] = [
    (1e-2, 0, {}),
    (3e-3, 5, {"weight_decay": 0.0, "schedule": "cosine"}),
    (1e-1, 2, {"weight_decay": 0.5, "warmup": 0.5, "max_grad_norm": 0.1}),
    (1e-3, 0, {"max_grad_norm": None, "schedule": "constant", "warmup": 0.0}),
]
"""Peak rate, the step of the schedule at which the trial stands, settings."""
GO = torch.zeros(())


def network() -> nn.Sequential:
    """Two layers and a norm: weights that decay between others that do not."""
    return nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.Linear(7, 3))


def gradients(step: int, total: int) -> torch.Tensor:
    """(trials, total), small and large ones."""
    random = torch.Generator().manual_seed(step)
    return torch.randn(len(TRIALS), total, generator=random) * torch.tensor([1e-6, 1.0, 30.0, 1e3]).unsqueeze(1)


class Alone:
    """A trial on torch's own optimizer, as the plain trainer steps it."""

    def __init__(self, rate: float, start: int, training: TrainingSettings, weights: dict[str, torch.Tensor]) -> None:
        self.model, self.start, self.training = network(), start, training
        self.model.load_state_dict(weights)
        self.optimizer = make_optimizer(self.model, rate, training, depths={}, balance=())

    def step(self, step: int, gradient: dict[str, torch.Tensor]) -> None:
        for name, parameter in self.model.named_parameters():
            parameter.grad = gradient[name].clone()
        if self.training.max_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.training.max_grad_norm)
        set_rates(self.optimizer, rate_factor(self.start + step, STEPS + 5, self.training))
        self.optimizer.step()


class Rows:
    """The same trials in a stack."""

    def __init__(self, layout: FlatWeights, first: torch.Tensor) -> None:
        self.layout = layout
        self.weights, self.gradients = torch.empty(len(TRIALS), len(first)), torch.zeros(len(TRIALS), len(first))
        self.training = [TrainingSettings.model_validate(settings) for *_, settings in TRIALS]
        self.optimizers = [
            RowAdamW(first.clone(), layout, rate, training)
            for (rate, *_), training in zip(TRIALS, self.training, strict=True)
        ]
        for place, optimizer in enumerate(self.optimizers):
            optimizer.attach(self.weights[place], self.gradients[place])

    def step(self, step: int, found: torch.Tensor) -> torch.Tensor:
        self.gradients.copy_(found)
        limits = [torch.inf if training.max_grad_norm is None else training.max_grad_norm for training in self.training]
        finite = clip_rows(self.gradients, torch.tensor(limits))
        for (_, start, _), training, optimizer, skip in zip(
            TRIALS, self.training, self.optimizers, (~finite).float(), strict=True
        ):
            optimizer.step(rate_factor(start + step, STEPS + 5, training), skip)
        return finite


@pytest.fixture
def layout() -> FlatWeights:
    return FlatWeights.of(network())


@pytest.fixture
def first(layout: FlatWeights) -> torch.Tensor:
    torch.manual_seed(0)
    return layout.flat(dict(network().named_parameters()))


def test_each_row_is_what_torch_makes_of_that_trial(layout: FlatWeights, first: torch.Tensor):
    rows = Rows(layout, first)
    alone = [
        Alone(rate, start, training, layout.named(first.clone()))
        for (rate, start, _), training in zip(TRIALS, rows.training, strict=True)
    ]
    for step in range(STEPS):
        found = gradients(step, len(first))
        assert rows.step(step, found).all()
        for trial, gradient in zip(alone, found, strict=True):
            trial.step(step, layout.named(gradient))
    for trial, row, optimizer in zip(alone, rows.weights, rows.optimizers, strict=True):
        assert not torch.equal(row, first)
        torch.testing.assert_close(row, layout.flat(dict(trial.model.named_parameters())), atol=1e-7, rtol=1e-5)
        known, own = moments(trial.optimizer), optimizer.moments()
        assert known.keys() == own.keys()
        for key, value in known.items():
            torch.testing.assert_close(own[key], value, atol=1e-12, rtol=1e-5, msg=key)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_row_that_is_not_finite_stays_as_it_is_and_touches_no_other(
    bad: float, layout: FlatWeights, first: torch.Tensor
):
    healthy, beside, frozen = (Rows(layout, first) for _ in range(3))
    for step in range(STEPS):
        found = gradients(step, len(first))
        healthy.step(step, found)
        if step < 3:
            frozen.step(step, found)
        else:
            found[2, step] = bad
        assert beside.step(step, found).tolist() == [True, True, step < 3, True]
    for place in (0, 1, 3):
        assert torch.equal(beside.weights[place], healthy.weights[place])
    assert torch.equal(beside.weights[2], frozen.weights[2])
    known = frozen.optimizers[2].moments()
    assert all(torch.equal(value, known[key]) for key, value in beside.optimizers[2].moments().items())


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_moments_go_to_the_plain_optimizer_and_back(decay: float, layout: FlatWeights, first: torch.Tensor):
    training = TrainingSettings(weight_decay=decay)
    alone, row = Alone(1e-2, 0, training, layout.named(first.clone())), RowAdamW(first.clone(), layout, 1e-2, training)
    for step in range(3):
        alone.step(step, layout.named(gradients(step, len(first))[1]))
    row.load(moments(alone.optimizer))
    other = Alone(1e-2, 0, training, layout.named(first.clone()))
    load_moments(other.optimizer, row.moments())
    for known, found in zip(alone.optimizer.state.values(), other.optimizer.state.values(), strict=True):
        assert all(torch.equal(known[key], found[key]) for key in known)


def test_what_the_plain_optimizer_knows_nothing_of_begins_at_nothing(layout: FlatWeights, first: torch.Tensor):
    """A parameter that no task of the trial uses never has a gradient there, and so no state."""
    training = TrainingSettings()
    alone, row = Alone(1e-2, 0, training, layout.named(first.clone())), RowAdamW(first.clone(), layout, 1e-2, training)
    for step in range(3):
        alone.step(step, layout.named(gradients(step, len(first))[1]))
    known = {name: value for name, value in moments(alone.optimizer).items() if not name.startswith("0.")}
    row.load(known)
    found = row.moments()
    assert all(torch.equal(found[name], value) for name, value in known.items())
    assert not found["0.exp_avg"].any()
    assert not found["0.exp_avg_sq"].any()
    row.load({})
    assert not any(value.any() for value in row.moments().values())


def test_a_row_may_move_between_steps(layout: FlatWeights, first: torch.Tensor):
    training = TrainingSettings(warmup=0, schedule="constant")
    stays, moves = (RowAdamW(first.clone(), layout, 1e-2, training) for _ in range(2))
    gradient = torch.zeros_like(first)
    stays.attach(torch.empty_like(first), gradient)
    for step in range(4):
        stack = torch.zeros(3, len(first)), torch.zeros(3, len(first))
        moves.attach(stack[0][step % 3], stack[1][step % 3])
        gradient.copy_(gradients(step, len(first))[1])
        stack[1][step % 3] = gradient
        for optimizer in (stays, moves):
            optimizer.step(1.0, GO)
        moves.detach()
        assert torch.equal(stack[0][step % 3], stays.row)
