"""Trials that survive while they train together: what ends, fails or lacks memory in one and the same advance."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.saving import COST
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.spaces.configuration import Configuration

Objectives = Callable[..., PreparedObjective]
FIRST = Configuration(learning_rate=1e-3, training={"dropout": 0.25})
SECOND = Configuration(learning_rate=2e-3, training={"dropout": 0.0})
APART = Configuration(learning_rate=1e-3, training={"layer_decay": 0.9})


@pytest.fixture
def trainer(objective: Objectives, tmp_path: Path) -> DurableTrainer:
    fused = FusedTrainer(objective(training={"evaluations_per_epoch": 1}), torch.device("cpu"), 3)
    return DurableTrainer(fused, CheckpointStore(tmp_path / "checkpoints", "same", 10**9), print, COST)


def short(monkeypatch: pytest.MonkeyPatch, rates: Sequence[float]) -> None:
    """No fused program with a trial of these rates of dropout fits into memory; a plain model does."""
    passes = FusedModel.passes

    def limited(self: FusedModel, batches: Sequence[Any], most_tokens: int) -> Iterator[dict[str, torch.Tensor]]:
        if any(slot.dropout in rates for slot in self.slots.trials):
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from passes(self, batches, most_tokens)

    monkeypatch.setattr(FusedModel, "passes", limited)


def to_the_end(trainer: Trainer) -> dict[int, list[Evaluation]]:
    """Of all trials, each discarded when it has ended, as a tuner does."""
    found: dict[int, list[Evaluation]] = {}
    while evaluations := trainer.advance():
        for evaluation in evaluations:
            found.setdefault(evaluation.trial_id, []).append(evaluation)
            if evaluation.finished:
                trainer.discard(evaluation.trial_id)
    return found


@pytest.mark.slow
def test_two_trials_that_lack_memory_at_once_are_alone_one_after_the_other(
    trainer: DurableTrainer, monkeypatch: pytest.MonkeyPatch
):
    short(monkeypatch, (0.25, 0.0))
    trainer.admit(0, FIRST)
    trainer.admit(1, SECOND)
    (first,) = trainer.advance()
    assert (first.trial_id, first.failure) == (0, None)
    trainer.admit(2, FIRST)  # waits as well
    assert trainer.upcoming() == [0]
    found = to_the_end(trainer)
    assert list(found) == [0, 1, 2]
    assert [found[trial_id][-1].finished and found[trial_id][-1].failure for trial_id in found] == [None] * 3


@pytest.mark.slow
def test_one_that_waits_its_turn_to_be_alone_can_leave(trainer: DurableTrainer, monkeypatch: pytest.MonkeyPatch):
    short(monkeypatch, (0.25, 0.0))
    trainer.admit(0, FIRST)
    trainer.admit(1, SECOND)
    trainer.advance()
    trainer.discard(1)
    trainer.admit(1, APART)
    assert list(to_the_end(trainer)) == [0, 1]


@pytest.mark.slow
def test_a_trial_that_ends_where_another_lacks_memory_has_ended(
    trainer: DurableTrainer, monkeypatch: pytest.MonkeyPatch
):
    trainer.admit(0, FIRST)
    trainer.admit(1, SECOND)
    trainer.advance()
    short(monkeypatch, (0.25,))
    (ended,) = trainer.advance()
    assert (ended.trial_id, ended.finished, ended.failure) == (1, True, None)
    trainer.discard(1)
    assert [one.step for one in to_the_end(trainer)[0]] == [ended.step]


def test_no_memory_for_the_model_of_a_trial_apart_is_its_own_failure(
    trainer: DurableTrainer, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    trainer.admit(0, FIRST)
    trainer.admit(1, APART)
    with monkeypatch.context() as patch:
        patch.setattr(MultiTaskModel, "to", broken)
        told: Mapping[int, Sequence[Evaluation]] = to_the_end(trainer)
    kinds = {trial_id: found[-1].failure and found[-1].failure.kind for trial_id, found in told.items()}
    assert kinds == {0: FailureKind.OUT_OF_MEMORY, 1: FailureKind.OUT_OF_MEMORY}
