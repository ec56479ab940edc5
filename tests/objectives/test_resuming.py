"""A production training that is stopped anywhere goes on as if it had not been."""

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.production import Manner, Trained, train_production
from autotune.objectives.training.resuming import SavedHistory
from autotune.objectives.training.trainer import Evaluation
from autotune.spaces.configuration import Configuration, Mix, SettingValue
from autotune.spaces.errors import Interrupted

Objectives = Callable[..., PreparedObjective]
BY_LOSS = "sentiment.log_loss"
"""What the best weights are chosen by: it goes up and down."""
AUGMENTED = {"operations": ["noise", "mixup"], "magnitude": 0.1}


def configuration(**training: SettingValue) -> Configuration:
    mix = Mix(operations={"noise": 0.2, "mixup": 0.3}, magnitude=0.1)
    return Configuration(learning_rate=3e-3, ratios={"aspect": 0.5, "words": 1.0}, mix=mix, training=training)


def store(folder: Path, budget: int = sys.maxsize) -> CheckpointStore:
    return CheckpointStore(folder, "test", budget)


def train(prepared: PreparedObjective, given: Configuration, manner: Manner, *, keep_best: bool = True) -> Trained:
    return train_production(
        prepared,
        given,
        torch.device("cpu"),
        lambda *_: None,
        keep_best=keep_best,
        manner=manner,
    )


def after(steps: int) -> Callable[[], bool]:
    """Stops when it was asked so many times, which is once a step but for the last one."""
    calls = itertools.count(1)
    return lambda: next(calls) >= steps


def told(heard: list[tuple[Evaluation, float]]) -> list[tuple[Evaluation, float]]:
    """What was heard, all but the time that it took."""
    return [(replace(evaluation, seconds=0), rate) for evaluation, rate in heard]


def same_weights(one: Trained, other: Trained) -> bool:
    weights, others = one.run.weights(), other.run.weights()
    return weights.keys() == others.keys() and all(weights[name].equal(others[name]) for name in weights)


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [True, False])
@pytest.mark.parametrize(
    "training",
    [{}, {"weighting": "dwa"}, {"weighting": "uncertainty"}, {"sampling": "uniform"}, {"early_stopping": 2}],
    ids=str,
)
def test_a_training_in_pieces_is_the_whole_one(
    objective: Objectives, tmp_path: Path, training: dict[str, SettingValue], keep_best: bool
) -> None:
    """Stopped within an interval and at its end, before the first state and after the best one."""
    prepared = objective(objective=BY_LOSS, training={"epochs": 3}, augmentation=AUGMENTED)
    given = configuration(**training)
    heard: list[tuple[Evaluation, float]] = []
    again: list[tuple[Evaluation, float]] = []
    whole = train(prepared, given, Manner(hears=lambda *found: heard.append(found)), keep_best=keep_best)
    life = Manner(hears=lambda *found: again.append(found))
    for steps in (1, 2, 2):
        manner = replace(life, saved=SavedHistory(store(tmp_path), print), stops=after(steps))
        with pytest.raises(Interrupted, match=r"stopped at step \d+ of 15; the same command resumes from there"):
            train(prepared, given, manner, keep_best=keep_best)
    said: list[str] = []
    begun: list[int] = []
    manner = replace(life, saved=SavedHistory(store(tmp_path), said.append), begins=begun.append)
    pieces = train(prepared, given, manner, keep_best=keep_best)
    assert begun[0] > 0
    assert said == [f"resuming from step {begun[0]}"]
    assert (pieces.step, pieces.validation) == (whole.step, whole.validation)
    assert told(again) == told(heard)
    assert same_weights(pieces, whole)


def stopped_at_7(prepared: PreparedObjective, given: Configuration, folder: Path) -> int:
    """A training that is stopped at step 7 and leaves its state. Returns the step whose weights are the best."""
    with pytest.raises(Interrupted):
        train(prepared, given, Manner(saved=SavedHistory(store(folder), print), stops=after(7)))
    (best,) = set(store(folder).sizes()) - {0}
    return best


@pytest.mark.slow
def test_weights_of_a_life_that_was_killed_before_its_state_are_not_counted_on(
    objective: Objectives, tmp_path: Path
) -> None:
    prepared = objective(objective=BY_LOSS, training={"epochs": 3})
    given = configuration().model_copy(update={"mix": Mix()})
    whole = train(prepared, given, Manner())
    best = stopped_at_7(prepared, given, tmp_path)
    later = store(tmp_path).load(best, given)
    assert later is not None
    zeros = {name: torch.zeros_like(value) for name, value in later.weights.items()}
    store(tmp_path).save(14, replace(later, step=14, weights=zeros))
    assert same_weights(train(prepared, given, Manner(saved=SavedHistory(store(tmp_path), print))), whole)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["cut", "gone"])
def test_without_the_best_weights_it_starts_over(objective: Objectives, tmp_path: Path, damaged: str) -> None:
    """Not from the state: a worse step would become the best one."""
    prepared = objective(objective=BY_LOSS, training={"epochs": 3})
    given = configuration().model_copy(update={"mix": Mix()})
    whole = train(prepared, given, Manner())
    best = stopped_at_7(prepared, given, tmp_path)
    path = store(tmp_path)._path(best)
    if damaged == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000])
    said: list[str] = []
    again = train(prepared, given, Manner(saved=SavedHistory(store(tmp_path), said.append)))
    assert said == [f"the weights of the best step, {best}, cannot be read: starting over"]
    assert again.step == whole.step
    assert same_weights(again, whole)


@pytest.mark.slow
def test_a_disk_without_room_is_said_once_and_costs_nothing_else(objective: Objectives, tmp_path: Path) -> None:
    prepared, given = objective(objective=BY_LOSS), configuration().model_copy(update={"mix": Mix()})
    said: list[str] = []
    trained = train(prepared, given, Manner(saved=SavedHistory(store(tmp_path, budget=1), said.append)))
    assert same_weights(trained, train(prepared, given, Manner()))
    (line,) = said
    assert line.startswith("the state cannot be written (")


def test_a_state_is_not_due_before_it_is_worth_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = 100.0
    monkeypatch.setattr("autotune.objectives.training.resuming.time.monotonic", lambda: now)
    saved = SavedHistory(store(tmp_path), print)
    assert saved.is_due  # nobody knows yet what one costs
    saved._saver.seconds = 2.0
    now += 39.0
    assert not saved.is_due
    now += 1.0
    assert saved.is_due


def test_without_a_place_an_interruption_promises_nothing(objective: Objectives) -> None:
    with pytest.raises(Interrupted, match=r"^stopped at step 1 of 10$"):
        train(objective(), configuration().model_copy(update={"mix": Mix()}), Manner(stops=lambda: True))


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [True, False])
def test_evaluations_are_heard_with_what_they_say(objective: Objectives, keep_best: bool) -> None:
    heard: list[tuple[Evaluation, float]] = []
    given = configuration(schedule="constant", warmup=0.0).model_copy(update={"mix": Mix()})
    train(objective(), given, Manner(hears=lambda *found: heard.append(found)), keep_best=keep_best)
    assert [evaluation.step for evaluation, _ in heard] == [2, 5, 8, 10]
    assert all(bool(evaluation.metrics) is keep_best for evaluation, _ in heard)
    assert {name for evaluation, _ in heard for name in evaluation.losses} == {"sentiment", "aspect", "words"}
    assert {rate for _, rate in heard} == {3e-3}
