"""What every executor must do. A new one is an entry in EXECUTORS: what makes one from a recipe."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors.executor import Executor
from autotune.search.executors.inline import InlineExecutor
from autotune.search.executors.places import cores
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.ray_cluster import RayExecutor
from autotune.search.executors.worker import Recipe, make_trainer
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration

from ..integration.forked import forked_workers  # noqa: F401  # pyright: ignore[reportUnusedImport]

EXECUTORS: dict[str, Callable[[Recipe], Executor]] = {
    "inline": lambda recipe: InlineExecutor(make_trainer(recipe, print)),
    "process": lambda recipe: ProcessExecutor(cores(1), recipe, print),
    "ray": lambda recipe: RayExecutor(0.0, cores(1), recipe, print),
}
SLOW = pytest.mark.slow

GOOD = Configuration(learning_rate=1e-3)
OTHER = Configuration(learning_rate=1e-4, ratios={"aspect": 0.5})
DIVERGING = Configuration(learning_rate=1e30)


@pytest.fixture(params=[pytest.param(name, marks=[SLOW] if name != "inline" else []) for name in EXECUTORS])
def make(request: pytest.FixtureRequest, recipe: Recipe) -> Callable[[int], Executor]:
    """Makes an executor over the same small study; no checkpoint of an earlier one is left."""

    request.getfixturevalue("ray_cluster" if request.param == "ray" else "forked_workers")

    def made(slots: int) -> Executor:
        recipe.store.retain(())
        return EXECUTORS[request.param](replace(recipe, slots=slots))

    return made


def told(evaluations: list[Evaluation]) -> list[tuple[int, int, dict[str, float], bool]]:
    """All of an evaluation but its time."""
    return [(found.trial_id, found.step, dict(found.metrics), found.finished) for found in evaluations]


def finished(executor: Trainer, *trials: int) -> list[Evaluation]:
    """Advance until all these trials have ended."""
    found: list[Evaluation] = []
    while {evaluation.trial_id for evaluation in found if evaluation.finished} < set(trials):
        found += executor.advance()
    return found


@pytest.fixture
def alone(recipe: Recipe) -> Callable[[Configuration], list[Evaluation]]:
    """What a trainer tells about a configuration without any executor."""

    def train(configuration: Configuration) -> list[Evaluation]:
        trainer = PlainTrainer(prepare_study(recipe.file, recipe.base), torch.device("cpu"))
        trainer.admit(7, configuration)
        return finished(trainer, 7)

    return train


Make = Callable[[int], Executor]


@pytest.mark.parametrize("slots", [1, 3])
def test_it_has_the_slots_of_its_trainer(make: Make, slots: int) -> None:
    with make(slots) as executor:
        assert executor.capacity == slots
        assert executor.advance() == []


def test_a_trial_is_told_as_its_trainer_tells_it(
    make: Make, alone: Callable[[Configuration], list[Evaluation]]
) -> None:
    with make(1) as executor:
        executor.admit(7, GOOD)
        assert told(finished(executor, 7)) == told(alone(GOOD))


@pytest.mark.slow
def test_neighbours_do_not_disturb_each_other(make: Make, alone: Callable[[Configuration], list[Evaluation]]) -> None:
    with make(2) as executor:
        executor.admit(7, OTHER)
        executor.admit(8, GOOD)
        found = finished(executor, 7, 8)
    assert told([one for one in found if one.trial_id == 7]) == told(alone(OTHER))
    assert [metrics for _, _, metrics, _ in told([one for one in found if one.trial_id == 8])] == [
        metrics for _, _, metrics, _ in told(alone(GOOD))
    ]


def test_a_slot_is_free_at_once(make: Make) -> None:
    with make(1) as executor:
        executor.admit(0, GOOD)
        executor.advance()
        assert executor.evict(0) is not None
        executor.admit(1, OTHER)
        assert [evaluation.trial_id for evaluation in executor.advance()] == [1]


def test_a_checkpoint_goes_on_where_it_stopped(make: Make, alone: Callable[[Configuration], list[Evaluation]]) -> None:
    with make(1) as executor:
        executor.admit(7, GOOD)
        first = executor.advance()
        checkpoint = executor.evict(7)
    with make(1) as executor:
        executor.admit(7, GOOD, checkpoint)
        assert told(first + finished(executor, 7)) == told(alone(GOOD))


def test_a_failure_is_one_trial_s_own(make: Make, alone: Callable[[Configuration], list[Evaluation]]) -> None:
    with make(2) as executor:
        executor.admit(3, DIVERGING)
        executor.admit(7, GOOD)
        found = finished(executor, 3, 7)
        failure = next(one.failure for one in found if one.trial_id == 3 and one.finished)
        assert failure is not None
        assert failure.kind is FailureKind.DIVERGED
        assert executor.evict(3) is None
    assert told([one for one in found if one.trial_id == 7]) == told(alone(GOOD))


def test_a_caller_s_mistakes_are_value_errors(make: Make) -> None:
    with make(1) as executor:
        with pytest.raises(ValueError, match="5"):
            executor.evict(5)
        executor.admit(5, GOOD)
        with pytest.raises(ValueError, match="5"):
            executor.admit(5, GOOD)
        with pytest.raises(ValueError, match="slots"):
            executor.admit(6, GOOD)


def test_closing_frees_all_and_may_come_twice(make: Make) -> None:
    executor = make(2)
    with executor:
        executor.admit(0, GOOD)
        executor.admit(1, OTHER)
        executor.advance()
    assert executor.advance() == []
    executor.close()


def test_it_is_closed_after_an_error(make: Make) -> None:
    executor = make(1)

    def fail() -> None:
        with executor:
            executor.admit(0, GOOD)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert executor.advance() == []
