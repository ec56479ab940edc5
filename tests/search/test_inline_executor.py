"""Training in the tuner's own process: stopped in the middle of a step, and on a device that fails."""

from collections.abc import Callable

import pytest
import torch
from autotune.objectives.training.durable import DurableTrainer
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.trainer import Evaluation
from autotune.search.executors.inline import InlineExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import DeviceFailed

CONFIGURATION = Configuration(learning_rate=1e-3, training={"dropout": 0.2})
Make = Callable[[], InlineExecutor]


@pytest.fixture
def make(recipe: Recipe) -> Make:
    prepared = prepare_study(recipe.file, recipe.base)

    def made() -> InlineExecutor:
        trainer = PlainTrainer(prepared, torch.device("cpu"))
        return InlineExecutor(DurableTrainer(trainer, recipe.store, cost=1.0, note=print), recipe.store)

    return made


def to_the_end(executor: InlineExecutor) -> list[Evaluation]:
    executor.admit(0, CONFIGURATION)
    found: list[Evaluation] = []
    while not (found and found[-1].finished):
        found += executor.advance()
    executor.discard(0)
    return found


def metrics(found: list[Evaluation]) -> list[tuple[int, dict[str, float], dict[str, float]]]:
    return [(one.step, dict(one.metrics), dict(one.losses)) for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after it"])
def test_a_second_signal_in_a_rung_leaves_the_checkpoint_of_the_rung_before(
    make: Make, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    expected = metrics(to_the_end(make()))
    first, second = expected[0][0], expected[1][0]
    step = TrainingRun._step

    def interrupted(self: TrainingRun) -> None:
        middle = self.step == second - 2
        if middle and not after:
            raise KeyboardInterrupt
        step(self)
        if middle:
            self.step -= 1  # as if it came before the step was counted
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, make() as executor:
        executor.admit(0, CONFIGURATION)
        executor.advance()
        patch.setattr(TrainingRun, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            executor.advance()
    checkpoint = recipe.store.load(0, CONFIGURATION)
    assert checkpoint is not None
    assert checkpoint.step == first
    assert metrics(to_the_end(make())) == expected


def test_a_device_that_fails_ends_the_run_and_costs_no_trial(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """All later trials would fail on it, too."""

    def broken(_: TrainingRun) -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered\nCUDA kernel errors might be ...")

    monkeypatch.setattr(TrainingRun, "_step", broken)
    with make() as executor, pytest.raises(DeviceFailed, match=r"device-side assert triggered\nThe same command"):
        to_the_end(executor)


def test_a_device_without_memory_is_the_trials_own_failure(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(_: TrainingRun) -> None:
        raise torch.AcceleratorError("CUDA error: out of memory")

    monkeypatch.setattr(TrainingRun, "_step", short)
    with make() as executor:
        failure = to_the_end(executor)[-1].failure
    assert failure is not None
    assert failure.kind is FailureKind.OUT_OF_MEMORY
