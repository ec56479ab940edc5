"""Every loss weighting: what it makes of losses and gradients, and that it is really used."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.weighting.dwa import DynamicWeightAverage
from autotune.objectives.training.weighting.random_weights import RandomWeights
from autotune.objectives.training.weighting.registry import WEIGHTINGS, make_weighting
from autotune.objectives.training.weighting.static import Static
from autotune.objectives.training.weighting.uncertainty import Uncertainty
from autotune.objectives.training.weighting.weighting import LossWeighting, Setup
from autotune.spaces.configuration import Configuration, SettingValue
from autotune.spaces.errors import Diverged, InputError
from autotune.spaces.training import TrainingSettings
from torch import nn

Objectives = Callable[..., PreparedObjective]
GRADIENT_METHODS = ("pcgrad", "upgrad", "cagrad")
OTHERS = sorted(set(WEIGHTINGS) - {"static"})


def setup(count: int = 2, *, seed: int = 0, epoch: int = 2, shared: Sequence[nn.Parameter] = ()) -> Setup:
    return Setup([f"task{place}" for place in range(count)], seed, epoch, shared)


def passes(losses: Sequence[torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    for place, loss in enumerate(losses):
        yield {f"task{place}": loss}


def aggregated(name: str, rows: Sequence[Sequence[float]], step: int = 0, on: int = 0) -> torch.Tensor:
    """The shared gradient that a method makes of the tasks' own gradients (tasks, parameters); `on` more have none."""
    jacobian = torch.tensor(rows)
    shared = nn.Parameter(torch.ones(jacobian.shape[1]))
    weighting = WEIGHTINGS[name](setup(len(rows) + on, shared=[shared]))
    weighting.backward(step, passes([(row * shared).sum() for row in jacobian]))
    assert shared.grad is not None
    return shared.grad


def weights(weighting: LossWeighting, step: int = 0) -> torch.Tensor:
    """The weights that a method gives losses of 1."""
    losses = {name: torch.ones((), requires_grad=True) for name in weighting.setup.tasks}
    weighting.total(step, losses).backward()
    return torch.stack([loss.grad for loss in losses.values() if loss.grad is not None])


def test_every_setting_has_its_method():
    assert set(WEIGHTINGS) == set(TrainingSettings.model_json_schema()["properties"]["weighting"]["enum"])


@pytest.mark.parametrize("name", sorted(set(WEIGHTINGS) - {"random"}))
@pytest.mark.parametrize("rows", [[[1.0, 0.0], [0.0, 1.0]], [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]])
def test_balanced_gradients_are_summed(name: str, rows: list[list[float]]):
    torch.testing.assert_close(aggregated(name, rows), torch.tensor(rows).sum(0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_where_sampling_draws_some_of_the_tasks_their_gradients_alone_are_balanced(name: str):
    rows = [[1.0, 0.0], [-0.5, 1.0]]
    assert torch.equal(aggregated(name, rows, on=2), aggregated(name, rows))


@pytest.mark.parametrize("name", WEIGHTINGS)
@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e15])
@pytest.mark.parametrize("rows", [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]], [[1.0, 0.0], [-0.5, 1.0]]])
def test_edge_inputs_give_finite_gradients(name: str, scale: float, rows: list[list[float]]):
    assert aggregated(name, [[scale * value for value in row] for row in rows]).isfinite().all()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_conflicts_are_solved_as_the_papers_say(scale: float):
    first, second = torch.tensor([1.0, 0.0]), torch.tensor([-0.5, 1.0])
    rows = [(scale * row).tolist() for row in (first, second)]
    found = {name: aggregated(name, rows) / scale for name in GRADIENT_METHODS}
    # Each gradient without its part against the other, and their sum.
    projected = torch.tensor([0.8, 0.4]) + torch.tensor([0.0, 1.0])
    torch.testing.assert_close(found["pcgrad"], projected)
    torch.testing.assert_close(found["upgrad"], projected, atol=1e-3, rtol=0)
    # What the worst task gains is largest where both gain the same.
    torch.testing.assert_close(found["cagrad"] @ first, found["cagrad"] @ second, rtol=1e-3, atol=0)


def test_upgrad_harms_no_task_where_the_sum_does():
    rows = [[1.0, 0.0, 0.0], [-3.0, 1.0, 0.0], [0.0, -2.0, 1.0]]
    assert (torch.tensor(rows) @ torch.tensor(rows).sum(0)).min() < 0
    assert (torch.tensor(rows) @ aggregated("upgrad", rows)).min() > -1e-2


def test_pcgrad_draws_its_order_from_seed_and_step_alone():
    rows = [[1.0, 0.2, 0.0], [-3.0, 1.0, 0.3], [0.1, -2.0, 1.0], [-1.0, -1.0, 0.5]]
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = [tuple(aggregated("pcgrad", rows, step).tolist()) for step in range(8)]
    assert torch.equal(torch.get_rng_state(), before)
    assert found[5] == tuple(aggregated("pcgrad", rows, 5).tolist())
    assert len(set(found)) > 1


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_heads_get_their_own_gradients_as_they_are(name: str):
    shared, heads = nn.Parameter(torch.ones(2)), [nn.Parameter(torch.ones(2)) for _ in range(2)]
    rows = torch.tensor([[1.0, 0.0], [-0.5, 1.0]])
    weighting = WEIGHTINGS[name](setup(shared=[shared]))
    weighting.backward(0, passes([(row * shared * head).sum() for row, head in zip(rows, heads, strict=True)]))
    assert all(torch.equal(head.grad, row) for head, row in zip(heads, rows, strict=True) if head.grad is not None)
    assert shared.grad is not None
    assert not torch.allclose(shared.grad, rows.sum(0), atol=1e-2)


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_a_shared_parameter_that_no_task_reaches_gets_zeros(name: str):
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    weighting = WEIGHTINGS[name](setup(shared=[used, unused]))
    weighting.backward(0, passes([used.sum(), 2 * used.sum()]))
    assert unused.grad is not None
    assert not unused.grad.any()


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_where_the_encoder_is_frozen_heads_train_all_the_same(name: str):
    heads = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    WEIGHTINGS[name](setup()).backward(0, passes([head.sum() for head in heads]))
    assert all(head.grad is not None and head.grad.tolist() == [1, 1] for head in heads)


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_a_gradient_that_is_not_finite_diverges(name: str):
    with pytest.raises(Diverged, match="a gradient is not finite at step 5"):
        aggregated(name, [[1.0, 0.0], [float("nan"), 1.0]], step=4)


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_a_missing_library_is_named_with_its_remedy(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
    with pytest.raises(InputError, match=rf"'{name}'.*pip install 'autotune-mtl\[gradients\]'"):
        make_weighting(name, setup())


def test_uncertainty_learns_each_tasks_noise():
    """The minimum of exp(-s)·L + s/2 is at s = log 2L: the larger a loss stays, the less it weighs."""
    weighting = Uncertainty(setup())
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for step in range(400):
        optimizer.zero_grad()
        weighting.backward(step, passes([torch.tensor(2.0), torch.tensor(0.1)]))
        optimizer.step()
    expected = (2 * torch.tensor([2.0, 0.1])).log()
    torch.testing.assert_close(weighting.log_variances.detach(), expected, atol=1e-2, rtol=0)
    torch.testing.assert_close(weights(weighting), (-expected).exp(), atol=2e-2, rtol=0)


def test_dwa_follows_the_losses_of_the_last_two_epochs():
    weighting = DynamicWeightAverage(setup())
    found: list[torch.Tensor] = []
    for step, values in enumerate([(1.0, 4.0), (3.0, 4.0), (0.5, 4.0), (1.5, 4.0), (9.0, 9.0)]):
        losses = [torch.tensor(value, requires_grad=True) for value in values]
        weighting.backward(step, passes(losses))
        found.append(torch.stack([loss.grad for loss in losses if loss.grad is not None]))
    torch.testing.assert_close(torch.stack(found[:4]), torch.ones(4, 2))
    # Two steps an epoch: means of 2 and 4, and then of 1 and 4.
    torch.testing.assert_close(found[4], 2 * (torch.tensor([1 / 2, 4 / 4]) / 2).softmax(0))


def test_dwa_leaves_out_what_had_no_batch_in_an_epoch():
    weighting = DynamicWeightAverage(setup(epoch=1))
    for step in range(3):
        weighting.backward(step, passes([torch.tensor(2.0 - step / 2, requires_grad=True)]))
    assert weighting.last.tolist() == [1.5, 0]
    expected = 2 * (torch.tensor([1.5 / 2, 1.0]) / 2).softmax(0)
    torch.testing.assert_close(weights(weighting), expected)


def test_random_weights_are_drawn_by_seed_and_step():
    drawn = [weights(RandomWeights(setup(3)), step) for step in range(100)]
    assert torch.equal(drawn[7], weights(RandomWeights(setup(3)), 7))
    assert not torch.equal(drawn[7], weights(RandomWeights(setup(3, seed=1)), 7))
    assert len({tuple(found.tolist()) for found in drawn}) == 100
    assert all(found.sum().item() == pytest.approx(3) for found in drawn)
    torch.testing.assert_close(torch.stack(drawn).mean(0), torch.ones(3), atol=0.25, rtol=0)


def run_of(prepared: PreparedObjective, weighting: str, ratios: dict[str, float]) -> TrainingRun:
    training: dict[str, SettingValue] = {"weighting": weighting, "dropout": 0.0, "epochs": 3}
    configuration = Configuration(learning_rate=1e-3, ratios=ratios, training=training)
    return TrainingRun(0, configuration, prepared, torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_method_changes_how_a_trial_trains(objective: Objectives, name: str):
    def trained(weighting: str) -> list[torch.Tensor]:
        run = run_of(objective(), weighting, {"aspect": 2.0, "words": 0.3})
        run.advance_to(run.total_steps)
        return list(run.weights().values())

    assert not all(map(torch.equal, trained(name), trained("static")))


@pytest.mark.parametrize("name", OTHERS)
def test_where_all_auxiliaries_are_off_every_method_is_static(objective: Objectives, name: str):
    assert isinstance(make_weighting(name, setup(1)), Static)
    first, second = (run_of(objective(), weighting, {}) for weighting in (name, "static"))
    assert first.advance().losses == second.advance().losses


def test_ratios_scale_the_losses_before_a_method_balances_them(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    given: list[float] = []

    def total(_: LossWeighting, __: int, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        given.extend(loss.item() for task, loss in losses.items() if task == "aspect")
        return torch.stack(list(losses.values())).sum()

    monkeypatch.setattr(RandomWeights, "total", total)
    means = run_of(objective(), "random", {"aspect": 3.0}).advance().losses
    assert sum(given) / len(given) == pytest.approx(0.75 * means["aspect"], rel=1e-5)


def test_log_variances_are_trained_and_resumed_with_the_model(objective: Objectives):
    """They do not decay; another rate than theirs would leave them where they start."""
    run = run_of(objective(), "uncertainty", {"aspect": 1.0})
    run.advance()
    checkpoint = run.checkpoint()
    moved = checkpoint.weighting["log_variances"].abs()
    assert moved.all()
    assert moved.max() > 1e-3
    again = run_of(objective(), "uncertainty", {"aspect": 1.0})
    again.restore(checkpoint)
    assert torch.equal(again.checkpoint().weighting["log_variances"], checkpoint.weighting["log_variances"])
    assert again.advance().losses == run.advance().losses


@pytest.mark.parametrize(("name", "error"), [("upgrad", "builtins:ValueError"), ("cagrad", "cvxpy.error:SolverError")])
def test_a_solver_that_fails_ends_its_own_trial_only(
    objective: Objectives, monkeypatch: pytest.MonkeyPatch, name: str, error: str
):
    known = getattr(import_module(error.partition(":")[0]), error.partition(":")[2])

    def fail(*_: object) -> None:
        raise known("no solution")

    kind = {"upgrad": "UPGradWeighting", "cagrad": "CAGradWeighting"}[name]
    monkeypatch.setattr(getattr(import_module("torchjd.aggregation"), kind), "forward", fail)
    trainer = PlainTrainer(objective(), torch.device("cpu"))
    trainer.admit(0, Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}, training={"weighting": name}))
    (evaluation,) = trainer.advance()
    assert evaluation.failure is not None
    assert evaluation.failure.kind is FailureKind.DIVERGED
    assert "no solution" in evaluation.failure.message
