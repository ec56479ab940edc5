"""Threads of one process, side by side: what they find is what one after another would, and they end when told."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from threading import Timer, get_ident

import pytest
import torch
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.fused.run import FusedRun
from autotune.objectives.training.fused.threads import Halt, side_by_side
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.spaces.configuration import Configuration

from .trained import to_the_end, told

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")
RATES = [1e-3, 5e-4, 2e-3]


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Sends SIGINT, which raises KeyboardInterrupt even where a shell runs the tests in the background, ignoring it."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, usual)


def test_each_part_has_a_thread_and_results_come_in_order() -> None:
    def work(part: int) -> tuple[int, int]:
        time.sleep(0.02 * (3 - part))
        return part, get_ident()

    found = side_by_side(work, [0, 1, 2], Halt())
    assert [part for part, _ in found] == [0, 1, 2]
    assert len({thread for _, thread in found} - {get_ident()}) == 3
    assert side_by_side(work, [2], Halt()) == [(2, get_ident())]


def test_what_one_raises_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def work(part: int) -> None:
        if part == 0:
            raise ValueError("the first one")
        time.sleep(0.1)
        ended.append(part)

    with pytest.raises(ValueError, match="the first one"):
        side_by_side(work, [0, 1], Halt())
    assert ended == [1]


def test_an_interruption_ends_all(ctrl_c: Callable[[], None]) -> None:
    halt = Halt()

    def work(_: int) -> None:
        while True:
            time.sleep(0.01)
            halt.check()

    Timer(0.2, ctrl_c).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, [0, 1], halt)


def trainer(prepared: PreparedObjective, rates: list[float], cores: int) -> FusedTrainer:
    made = FusedTrainer(prepared, CPU, len(rates), cores)
    for trial_id, rate in enumerate(rates):
        made.admit(trial_id, Configuration(learning_rate=rate, ratios={"words": 0.5}, training={"dropout": 0.2}))
    return made


@pytest.fixture
def one_thread() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.mark.usefixtures("one_thread")
def test_a_thread_finds_to_the_bit_what_its_trials_find_without_it(objective: Objectives) -> None:
    prepared = objective()
    together = to_the_end(trainer(prepared, RATES, cores=2))
    first, others = to_the_end(trainer(prepared, RATES[:1], cores=1)), to_the_end(trainer(prepared, RATES[1:], cores=1))
    assert [told(together[number]) for number in range(3)] == [told(each) for each in (first[0], others[0], others[1])]


def test_trials_in_training_are_interrupted_at_their_next_step(
    objective: Objectives, monkeypatch: pytest.MonkeyPatch, ctrl_c: Callable[[], None]
) -> None:
    """Not at their next rung, which may be minutes away."""
    steps: list[int] = []
    update = FusedRun.update

    def counted(run: FusedRun, skip: torch.Tensor) -> None:
        update(run, skip)
        steps.append(run.step)
        if len(steps) == 2:
            ctrl_c()
            time.sleep(0.2)  # the other thread must not be done before this process has heard of it

    monkeypatch.setattr(FusedRun, "update", counted)
    with pytest.raises(KeyboardInterrupt):
        trainer(objective(training={"batch_size": 1, "evaluations_per_epoch": 1}), RATES[:2], cores=2).advance()
    assert max(steps) < 36, "a rung is 36 steps"
