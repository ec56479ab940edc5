"""What every executor must do. A new one is an entry in EXECUTORS: what makes one from a recipe."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors import process
from autotune.search.executors.executor import Executor
from autotune.search.executors.inline import InlineExecutor
from autotune.search.executors.places import cores
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.ray_cluster import RayExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration

from ..conftest import write_recipe, write_reviews
from ..integration.forked import context

EXECUTORS: dict[str, Callable[[Recipe], Executor]] = {
    "inline": lambda recipe: InlineExecutor(recipe.make(print)),
    "process": lambda recipe: ProcessExecutor(cores(1), recipe, print, 2, None),
    "ray": lambda recipe: RayExecutor(cores(1), recipe, print, 2, None),
}
NAMES = [pytest.param(name, marks=[] if name == "inline" else [pytest.mark.slow]) for name in EXECUTORS]

GOOD = Configuration(learning_rate=1e-3)
OTHER = Configuration(learning_rate=1e-4, ratios={"aspect": 0.5})
DIVERGING = Configuration(learning_rate=1e30)


Make = Callable[[int], Executor]
"""From a number of slots."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return write_recipe(write_reviews(tmp_path_factory.mktemp("executors")).parent)


@pytest.fixture(scope="module", params=NAMES)
def make(request: pytest.FixtureRequest, recipe: Recipe) -> Iterator[Make]:
    """Makes an executor over one small study; processes are forks."""
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "_SPAWN", context())
        yield lambda slots: EXECUTORS[request.param](replace(recipe, slots=slots))


@pytest.fixture(scope="module")
def kept(make: Make) -> Iterator[Make]:
    """One executor for each number of slots, for all tests that close none: a worker's imports take seconds."""
    with ExitStack() as stack:
        yield cache(lambda slots: stack.enter_context(make(slots)))


@pytest.fixture
def executor_of(kept: Make, recipe: Recipe) -> Iterator[Make]:
    """Such an executor, empty, and emptied afterwards as their store is."""
    used = list[Executor]()

    def found(slots: int) -> Executor:
        used.append(kept(slots))
        return used[-1]

    yield found
    for executor, trial_id in product(used, range(10)):
        with suppress(ValueError):  # it is in no slot
            executor.discard(trial_id)
    for executor in used:
        executor.advance()  # else a worker hears with a later round what it is to discard, be it there again
    recipe.store.retain(())


def told(evaluations: list[Evaluation]) -> list[tuple[int, int, dict[str, float], bool]]:
    """All of an evaluation but its time."""
    return [(found.trial_id, found.step, dict(found.metrics), found.finished) for found in evaluations]


def finished(executor: Executor | Trainer, *trials: int) -> list[Evaluation]:
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


@pytest.mark.parametrize("slots", [1, 2])
def test_it_has_the_slots_of_its_trainer(executor_of: Make, slots: int) -> None:
    executor = executor_of(slots)
    assert executor.capacity == slots
    assert executor.advance() == []


def test_a_trial_is_told_as_its_trainer_tells_it(
    executor_of: Make, alone: Callable[[Configuration], list[Evaluation]]
) -> None:
    executor = executor_of(1)
    executor.admit(7, GOOD)
    assert told(finished(executor, 7)) == told(alone(GOOD))


@pytest.mark.slow
def test_neighbours_do_not_disturb_each_other(
    executor_of: Make, alone: Callable[[Configuration], list[Evaluation]]
) -> None:
    executor = executor_of(2)
    executor.admit(7, OTHER)
    executor.admit(8, GOOD)
    found = finished(executor, 7, 8)
    assert told([one for one in found if one.trial_id == 7]) == told(alone(OTHER))
    assert [metrics for _, _, metrics, _ in told([one for one in found if one.trial_id == 8])] == [
        metrics for _, _, metrics, _ in told(alone(GOOD))
    ]


def test_a_slot_is_free_at_once_and_the_checkpoint_in_the_store(executor_of: Make, recipe: Recipe) -> None:
    executor = executor_of(1)
    executor.admit(0, GOOD)
    executor.advance()
    executor.evict(0)
    assert list(recipe.store.sizes()) == [0]
    executor.admit(1, OTHER)
    assert [evaluation.trial_id for evaluation in executor.advance()] == [1]


def test_an_abandoned_trial_leaves_its_slot_as_it_is(executor_of: Make) -> None:
    executor = executor_of(1)
    executor.admit(0, GOOD)
    executor.advance()
    executor.abandon(0)
    with pytest.raises(ValueError, match="0"):
        executor.abandon(0)
    executor.admit(1, OTHER)
    assert [evaluation.trial_id for evaluation in executor.advance()] == [1]


def test_a_checkpoint_goes_on_where_it_stopped(
    executor_of: Make, alone: Callable[[Configuration], list[Evaluation]]
) -> None:
    """On another executor, which finds it in the store."""
    first, second = executor_of(1), executor_of(2)
    first.admit(7, GOOD)
    found = first.advance()
    first.evict(7)
    second.admit(7, GOOD)
    again = finished(second, 7)
    assert told(again) == told(alone(GOOD))
    assert told(found) == told(again[:1])
    assert again[0].seconds == 0.0, "it was trained a second time"


def test_a_failure_is_one_trial_s_own(
    executor_of: Make, recipe: Recipe, alone: Callable[[Configuration], list[Evaluation]]
) -> None:
    executor = executor_of(2)
    executor.admit(3, DIVERGING)
    executor.admit(7, GOOD)
    found = finished(executor, 3, 7)
    failure = next(one.failure for one in found if one.trial_id == 3 and one.finished)
    assert failure is not None
    assert failure.kind is FailureKind.DIVERGED
    executor.evict(3)
    assert 3 not in recipe.store.sizes()
    assert told([one for one in found if one.trial_id == 7]) == told(alone(GOOD))


def test_a_caller_s_mistakes_are_value_errors(executor_of: Make) -> None:
    executor = executor_of(1)
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
