"""A trial under cross-validation: fold after fold, each a training of its own."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.trainer import Evaluation
from autotune.spaces.configuration import Configuration

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")
SOME = Configuration(learning_rate=2e-3, ratios={"aspect": 0.5}, training={"dropout": 0.2})


@pytest.fixture
def prepared(objective: Objectives) -> PreparedObjective:
    """Three folds, each with a split of its own, as different seeds make them."""
    return replace(objective(), folds=[objective(seed=seed) for seed in range(3)])


def told(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, trial_id=0, seconds=0)


def to_the_end(trainer: PlainTrainer) -> list[Evaluation]:
    found: list[Evaluation] = []
    while evaluations := trainer.advance():
        found += map(told, evaluations)
    return found


@pytest.mark.slow
def test_each_fold_is_a_whole_training_of_its_own(prepared: PreparedObjective):
    trainer = PlainTrainer(prepared, CPU)
    trainer.admit(4, SOME)
    found = to_the_end(trainer)
    assert [evaluation.step for evaluation in found] == [10, 20, 30]
    assert [evaluation.finished for evaluation in found] == [False, False, True]
    for evaluation, fold in zip(found, prepared.folds, strict=True):
        run = TrainingRun(0, SOME, fold, CPU)
        alone = run.advance_to(run.total_steps)
        assert (evaluation.metrics, evaluation.losses) == (alone.metrics, alone.losses)
    assert len({tuple(evaluation.metrics.values()) for evaluation in found}) > 1
    assert trainer.evict(4) is None


@pytest.mark.parametrize("done", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_trial_goes_on_with_the_fold_that_comes_next(prepared: PreparedObjective, done: int):
    whole = PlainTrainer(prepared, CPU)
    whole.admit(0, SOME)
    first = PlainTrainer(prepared, CPU)
    first.admit(0, SOME)
    before = [told(evaluation) for _ in range(done) for evaluation in first.advance()]
    checkpoint = first.evict(0)
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.weights, checkpoint.optimizer) == (10 * done, {}, {})
    other = PlainTrainer(prepared, CPU)
    other.admit(0, SOME, checkpoint)
    assert before + to_the_end(other) == to_the_end(whole)


@pytest.mark.slow
def test_a_fold_that_diverges_fails_the_trial_alone(prepared: PreparedObjective):
    trainer = PlainTrainer(prepared, CPU, capacity=2)
    trainer.admit(0, Configuration(learning_rate=1e30))
    trainer.admit(1, SOME)
    found = to_the_end(trainer)
    failures = [evaluation.failure for evaluation in found if evaluation.failure is not None]
    assert [failure.kind for failure in failures] == [FailureKind.DIVERGED]
    assert [evaluation.step for evaluation in found if evaluation.failure is None] == [10, 20, 30]
