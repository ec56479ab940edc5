import copy
import math

import pytest
import torch
from autotune.objectives.training.optimizer import BALANCE_RATE, make_optimizer, rate_factor, set_rates
from autotune.spaces.training import TrainingSettings
from torch import nn

DECAY = TrainingSettings(weight_decay=0.1)


def factors(total: int, **settings: object) -> list[float]:
    training = TrainingSettings.model_validate(settings)
    return [rate_factor(step, total, training) for step in range(total)]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("total", [1, 2, 10, 133])
def test_a_rate_rises_then_never_rises_again(schedule: str, warmup: float, total: int):
    course = factors(total, schedule=schedule, warmup=warmup)
    peak = round(total * warmup)
    assert all(0 < factor <= 1 for factor in course)
    assert course[:peak] == sorted(set(course[:peak]))
    assert course[peak:] == sorted(course[peak:], reverse=True)
    assert course[peak] == 1


def test_schedules_are_the_usual_ones():
    assert factors(4, schedule="linear", warmup=0) == [1, 0.75, 0.5, 0.25]
    assert factors(4, schedule="cosine", warmup=0) == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, 0.1464466])
    assert factors(4, schedule="constant", warmup=0.5) == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1, 1]


def test_biases_and_norms_do_not_decay():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    decaying, spared = make_optimizer(model, 1e-3, DECAY, depths={}, balance=()).param_groups
    assert [p.shape for p in decaying["params"]] == [(4, 3)]
    assert len(spared["params"]) == 3
    assert (decaying["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)


def test_weight_decay_shrinks_what_decays():
    layer = nn.Linear(3, 4)
    before = layer.weight.detach().clone()
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    make_optimizer(layer, 0.5, DECAY, depths={}, balance=()).step()
    torch.testing.assert_close(layer.weight.detach(), before * (1 - 0.5 * 0.1))


def rates_of(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, float]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}


def test_each_layers_rate_is_a_share_of_that_above_it():
    model = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("table", "low", "high", "head")})
    places = {"table": 0, "low": 1, "high": 2, "head": 3}
    depths = {f"{name}.{part}": depth for name, depth in places.items() for part in ("weight", "bias")}
    optimizer = make_optimizer(model, 1e-3, TrainingSettings(layer_decay=0.5), depths, balance=())
    set_rates(optimizer, 0.1)
    expected = {"table": 1.25e-5, "low": 2.5e-5, "high": 5e-5, "head": 1e-4}
    assert rates_of(optimizer, model) == pytest.approx(
        {f"{name}.{part}": rate for name, rate in expected.items() for part in ("weight", "bias")}
    )
    assert set(rates_of(make_optimizer(model, 1e-3, DECAY, depths, balance=()), model).values()) == {1e-3}


def test_what_is_frozen_leaves_the_optimizer():
    model = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    model[0].requires_grad_(requires_grad=False)
    assert set(rates_of(make_optimizer(model, 1e-3, DECAY, depths={}, balance=()), model)) == {"1.weight", "1.bias"}


def test_what_a_weighting_learns_has_a_rate_of_its_own_and_no_decay():
    learnt = nn.Parameter(torch.zeros(3, 3))
    optimizer = make_optimizer(nn.Linear(2, 2), 1e-5, DECAY, balance=[learnt], depths={})
    (own,) = (group for group in optimizer.param_groups if any(p is learnt for p in group["params"]))
    assert (own["lr"], own["weight_decay"]) == (BALANCE_RATE, 0)


def test_a_parameter_that_is_tied_is_stepped_once():
    table, output = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
    output.weight = table.weight
    optimizer = make_optimizer(nn.ModuleList([table, output]), 1e-3, DECAY, depths={}, balance=())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 1


def test_fused_adamw_resumes_bitwise():
    torch.manual_seed(0)
    gradients = [torch.randn(4, 3) for _ in range(6)]

    def steps(weight: torch.Tensor, optimizer: torch.optim.Optimizer, some: list[torch.Tensor]) -> None:
        for gradient in some:
            weight.grad = gradient.clone()
            optimizer.step()

    layer = nn.Linear(3, 4, bias=False)
    again = nn.Linear(3, 4, bias=False)
    optimizer = make_optimizer(layer, 1e-2, DECAY, depths={}, balance=())
    steps(layer.weight, optimizer, gradients[:3])
    again.load_state_dict(layer.state_dict())
    resumed = make_optimizer(again, 1e-2, DECAY, depths={}, balance=())
    state = copy.deepcopy(optimizer.state_dict()["state"])
    resumed.load_state_dict({"state": state, "param_groups": resumed.state_dict()["param_groups"]})
    assert resumed.state[again.weight]["step"].dtype == torch.float32
    steps(layer.weight, optimizer, gradients[3:])
    steps(again.weight, resumed, gradients[3:])
    assert torch.equal(layer.weight, again.weight)
    assert resumed.state[again.weight]["step"].item() == 6
