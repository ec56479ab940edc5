"""A trial's length, its rungs, and its own random state."""

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.tasks.task import Task
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.configuration import Configuration, SettingValue
from autotune.spaces.errors import Diverged
from autotune.spaces.training import TrainingSettings

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")


@pytest.mark.parametrize("epochs", [1, 3, 7])
@pytest.mark.parametrize("evaluations", [1, 2, 3, 100])
@pytest.mark.parametrize("batch_size", [1, 8, 4096])
def test_rungs_rise_to_the_full_length(objective: Objectives, epochs: int, evaluations: int, batch_size: int):
    prepared = objective(training={"batch_size": batch_size})
    training = TrainingSettings(epochs=epochs, evaluations_per_epoch=evaluations)
    rungs = prepared.rungs(training)
    assert rungs == sorted(set(rungs))
    assert rungs[0] >= 1
    assert rungs[-1] == epochs * prepared.steps_per_epoch
    assert len(rungs) == min(epochs * evaluations, rungs[-1])


def test_a_searched_batch_size_changes_no_rung(objective: Objectives):
    prepared = objective()
    wide = Configuration(learning_rate=1e-3, training={"batch_size": 16})
    rungs = [prepared.rungs(prepared.training_of(found)) for found in (wide, Configuration(learning_rate=1e-3))]
    assert rungs[0] == rungs[1] == [2, 5, 8, 10]  # 36 rows in batches of 8, twice over, four times evaluated


def test_training_draws_nothing_from_the_global_random_state(objective: Objectives):
    run = TrainingRun(0, Configuration(learning_rate=1e-3, training={"dropout": 0.3}), objective(), CPU)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run.advance()
    assert torch.equal(torch.get_rng_state(), before)


def test_an_error_leaves_the_global_random_state_as_it_was(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    def broken(_: int) -> None:
        raise RuntimeError("boom")

    run = TrainingRun(0, Configuration(learning_rate=1e-3, training={"dropout": 0.3}), objective(), CPU)
    run.on_step = broken
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="boom"):
        run.advance()
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_draws_are_the_trials_own(objective: Objectives):
    configuration = Configuration(learning_rate=1e-3, training={"dropout": 0.3})
    found: list[object] = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(TrainingRun(0, configuration, objective(), CPU).advance().losses)
    assert found[0] == found[1]


def test_dropout_does_not_begin_anew_at_each_rung(objective: Objectives):
    run = TrainingRun(0, Configuration(learning_rate=1e-3, training={"dropout": 0.3}), objective(), CPU)
    states = [run.checkpoint().random_state["cpu"]]
    while not run.finished:
        run.advance()
        states.append(run.checkpoint().random_state["cpu"])
    assert len({tuple(state.tolist()) for state in states}) == len(states)


def test_every_step_is_heard_and_the_loss_is_weighted(objective: Objectives):
    run = TrainingRun(0, Configuration(learning_rate=1e-3, ratios={"aspect": 3.0}), objective(), CPU)
    heard: list[int] = []
    run.on_step = heard.append
    evaluation = run.advance()
    assert heard == list(range(1, evaluation.step + 1))
    assert evaluation.losses == pytest.approx({"sentiment": 1, "aspect": 1}, abs=0.2)
    assert evaluation.seconds > 0


def test_a_loss_that_is_not_finite_names_the_steps(objective: Objectives):
    run = TrainingRun(0, Configuration(learning_rate=1e-3), objective(), CPU)
    with torch.no_grad():
        next(run.model.head("sentiment").parameters()).fill_(torch.nan)
    with pytest.raises(Diverged, match="the loss is not finite between steps 1 and 2"):
        run.advance()


def test_a_task_of_hardly_any_weight_trains_the_encoder_hardly_at_all(objective: Objectives):
    """L = α·L_main + Σ β_k·L_k."""

    def main_loss(ratios: dict[str, float]) -> float:
        configuration = Configuration(learning_rate=1e-3, ratios=ratios, training={"dropout": 0.0})
        return TrainingRun(0, configuration, objective(), CPU).advance().losses["sentiment"]

    alone = main_loss({})
    assert main_loss({"aspect": 1e-9}) == pytest.approx(alone, abs=1e-4)
    assert abs(main_loss({"aspect": 1.0}) - alone) > 1e-4


def metrics_of(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Let the evaluations of the next runs find these values, one after another."""
    course = iter(values)

    def measured(*_: object) -> dict[str, float]:
        value = next(course)
        return {"accuracy": value, "log_loss": -value}

    monkeypatch.setattr("autotune.objectives.training.run.evaluation", measured)


def finished_at(prepared: PreparedObjective, patience: int | None) -> list[int]:
    """The steps of the evaluations of one trial, to its end."""
    training: dict[str, SettingValue] = {} if patience is None else {"early_stopping": patience}
    run = TrainingRun(0, Configuration(learning_rate=1e-3, training=training), prepared, CPU)
    steps: list[int] = []
    while not run.finished:
        evaluation = run.advance()
        steps.append(evaluation.step)
        assert evaluation.finished == run.finished
    return steps


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
@pytest.mark.parametrize(
    ("values", "patience", "expected"),
    [
        ([0.5, 0.6, 0.6, 0.1], None, [2, 5, 8, 10]),
        ([0.5, 0.6, 0.6, 0.1], 1, [2, 5, 8]),
        ([0.5, 0.4, 0.6, 0.5], 2, [2, 5, 8, 10]),
        ([0.5, 0.4, 0.5, 0.9], 2, [2, 5, 8]),
        ([0.5, 0.6, 0.7, 0.8], 1, [2, 5, 8, 10]),
        ([0.5, 0.4, 0.9, 0.9], 1, [2, 5]),
    ],
)
def test_a_trial_ends_when_its_patience_does(
    objective: Objectives,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    values: list[float],
    patience: int | None,
    expected: list[int],
):
    metrics_of(monkeypatch, values)
    assert finished_at(objective(objective=f"sentiment.{metric}"), patience) == expected


def test_early_stopping_leaves_the_course_of_the_rate_as_it_was(objective: Objectives):
    def losses(training: dict[str, SettingValue]) -> list[object]:
        run = TrainingRun(0, Configuration(learning_rate=1e-3, training=training), objective(), CPU)
        return [run.advance().losses for _ in range(2)]

    assert losses({"early_stopping": 2}) == losses({})


def weight_norm(run: TrainingRun) -> float:
    return sum(value.square().sum().item() for value in run.weights().values() if value.ndim > 1)


def test_weight_decay_keeps_weights_smaller(objective: Objectives):
    def trained(weight_decay: float) -> float:
        training: dict[str, SettingValue] = {"weight_decay": weight_decay, "dropout": 0.0}
        run = TrainingRun(0, Configuration(learning_rate=3e-3, training=training), objective(), CPU)
        run.advance_to(run.total_steps)
        return weight_norm(run)

    assert trained(1.0) < 0.98 * trained(0.0)


def test_dropout_drops_in_training_and_not_in_evaluation(objective: Objectives):
    def first(dropout: float) -> tuple[float, Mapping[str, float]]:
        configuration = Configuration(learning_rate=1e-12, training={"dropout": dropout})
        evaluation = TrainingRun(0, configuration, objective(), CPU).advance()
        return evaluation.losses["sentiment"], evaluation.metrics

    (none, metrics), (much, same) = first(0.0), first(0.9)
    assert abs(none - much) > 1e-3
    assert metrics == pytest.approx(same)


def test_layers_below_train_at_a_lower_rate(objective: Objectives):
    def moved(layer_decay: float) -> float:
        """How far the embeddings went."""
        training: dict[str, SettingValue] = {"layer_decay": layer_decay, "dropout": 0.0}
        run = TrainingRun(0, Configuration(learning_rate=1e-3, training=training), objective(), CPU)
        before = run.weights()
        run.advance()
        name = next(name for name in before if name.endswith("word_embeddings.weight"))
        return (run.weights()[name] - before[name]).abs().max().item()

    assert 0 < moved(0.5) < 0.2 * moved(1.0)


def passes_of(run: TrainingRun, monkeypatch: pytest.MonkeyPatch, before_each: Callable[[], None]) -> list[list[str]]:
    """Let a run take its steps; the tasks of each pass, in their order."""
    found: list[list[str]] = []
    original = MultiTaskModel.passes

    def spied(
        model: MultiTaskModel, batches: Mapping[Task[Any], Batch], most: int
    ) -> Iterator[dict[str, torch.Tensor]]:
        passes = original(model, batches, most)
        while True:
            before_each()
            losses = next(passes, None)
            if losses is None:
                return
            found.append(list(losses))
            yield losses

    monkeypatch.setattr(MultiTaskModel, "passes", spied)
    run.train_to(run.total_steps)
    return found


class Kept:
    """What autograd keeps of a tensor, while it keeps it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # with its graph it would keep itself


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["static", "uncertainty", "pcgrad"])
def test_a_pass_is_freed_before_the_next_one_begins(
    objective: Objectives, monkeypatch: pytest.MonkeyPatch, weighting: str
):
    tasks = {"sentiment": {"kind": "classification"}, "names": {"kind": "masked_lm", "text": "aspect"}}
    configuration = Configuration(learning_rate=1e-3, ratios={"names": 1.0}, training={"weighting": weighting})
    run = TrainingRun(0, configuration, objective(tasks=tasks), CPU)
    alive: weakref.WeakSet[Kept] = weakref.WeakSet()
    left: list[int] = []

    def keep(tensor: torch.Tensor) -> Kept:
        kept = Kept(tensor)
        alive.add(kept)
        return kept

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
        found = passes_of(run, monkeypatch, lambda: left.append(len(alive)))
    assert {tuple(names) for names in found} == {("sentiment",), ("names",)}
    assert len(left) > len(found)
    assert not any(left)


SHARES = {"names": 0.2, "more": 0.3}


def test_sharing_a_pass_takes_no_more_tokens_than_the_largest_batch(
    objective: Objectives, monkeypatch: pytest.MonkeyPatch
):
    short = {name: {"kind": "masked_lm", "text": "aspect", "probability": share} for name, share in SHARES.items()}
    configuration = Configuration(learning_rate=1e-3, ratios=dict.fromkeys(short, 1.0))
    run = TrainingRun(0, configuration, objective(tasks={"sentiment": {"kind": "classification"}, **short}), CPU)
    found = passes_of(run, monkeypatch, lambda: None)
    assert {tuple(names) for names in found} == {("sentiment",), tuple(short)}


def test_gradient_methods_give_each_task_its_own_pass(objective: Objectives, monkeypatch: pytest.MonkeyPatch):
    training: dict[str, SettingValue] = {"weighting": "upgrad"}
    configuration = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0, "words": 1.0}, training=training)
    run = TrainingRun(0, configuration, objective(), CPU)
    assert passes_of(run, monkeypatch, lambda: None) == [["sentiment"], ["aspect"], ["words"]] * run.total_steps


def test_frozen_layers_stay_as_they_are(objective: Objectives):
    configuration = Configuration(learning_rate=1e-3, training={"freeze_layers": 1})
    run = TrainingRun(0, configuration, objective(), CPU)
    before, depths = run.weights(), run.model.depths()
    run.advance()
    moved = {name for name, value in run.weights().items() if not torch.equal(value, before[name])}
    assert moved
    assert {depths[name] for name in moved} == {2, 3}
    places = {int(key.partition(".")[0]) for key in run.checkpoint().optimizer}
    assert len(places) <= sum(depth > 1 for depth in depths.values())
