"""What is over leaves memory at once: a GPU that is full does not wait for Python's collector."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training import evaluating, run
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.production import train_production
from autotune.spaces.configuration import Configuration

CPU = torch.device("cpu")
TRIAL = Configuration(learning_rate=1e-3, ratios={"aspect": 0.5})
Objectives = Callable[..., PreparedObjective]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[torch.Tensor]]]:
    """The weights of all plain models, and the gradients of all cohorts, without a collector."""
    found: list[weakref.ref[torch.Tensor]] = []
    make, stack = run.TrainingRun.__init__, Cohort.__init__

    def made(self: run.TrainingRun, *given: object, **named: object) -> None:
        make(self, *given, **named)  # pyright: ignore[reportArgumentType]
        found.extend(weakref.ref(parameter) for parameter in self.model.parameters())

    def stacked(self: Cohort, *given: object) -> None:
        stack(self, *given)  # pyright: ignore[reportArgumentType]
        found.append(weakref.ref(self._gradients))

    monkeypatch.setattr(run.TrainingRun, "__init__", made)
    monkeypatch.setattr(Cohort, "__init__", stacked)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


def alive(found: list[weakref.ref[torch.Tensor]]) -> int:
    assert found
    return sum(each() is not None for each in found)


def no_memory(*_: object, **__: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("weighting", ["static", "uncertainty", "dwa", "random", "pcgrad", "upgrad", "cagrad"])
def test_a_trial_that_is_over(objective: Objectives, kept: list[weakref.ref[torch.Tensor]], weighting: str) -> None:
    trainer = PlainTrainer(objective(), CPU)
    trainer.admit(0, TRIAL.model_copy(update={"training": {"weighting": weighting}}))
    trainer.advance()
    trainer.discard(0)
    assert not alive(kept)


def test_a_production_training(objective: Objectives, kept: list[weakref.ref[torch.Tensor]]) -> None:
    trained = train_production(objective(), TRIAL, CPU, lambda *_: None, keep_best=True)
    assert alive(kept)
    del trained
    assert not alive(kept)


@pytest.mark.parametrize(
    ("owner", "name"), [(torch.Tensor, "backward"), (torch.optim.AdamW, "step"), (evaluating, "_measured")]
)
def test_a_trial_that_ran_out_of_memory(
    objective: Objectives,
    kept: list[weakref.ref[torch.Tensor]],
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
) -> None:
    monkeypatch.setattr(owner, name, no_memory)
    trainer = PlainTrainer(objective(), CPU)
    trainer.admit(0, TRIAL)
    (evaluation,) = trainer.advance()
    assert evaluation.failure is not None
    assert not alive(kept)


def test_a_cohort_that_ran_out_of_memory(
    objective: Objectives, kept: list[weakref.ref[torch.Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    step, left = Cohort._step, [0]

    def once(self: Cohort) -> None:
        if len(self.runs) == 2:
            no_memory()
        left.append(alive(kept[:-1]) if len(kept) > 1 else 0)
        step(self)

    monkeypatch.setattr(Cohort, "_step", once)
    trainer = FusedTrainer(objective(), CPU, 2)
    for trial_id in range(2):
        trainer.admit(trial_id, TRIAL)
    assert [evaluation.failure for evaluation in trainer.advance()] == [None, None]
    assert (len(kept), max(left), alive(kept)) == (3, 0, 0)
