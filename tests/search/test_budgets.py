"""Budgets: no trial is begun that cannot end in time, what is left is said, and a trial's lives add up.

A rung of the tabulated trainer takes a second of training; the clock on the wall is the test's own.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from autotune.search.claims import Claims
from autotune.search.interruption import Interruption
from autotune.search.settings import SearchSettings
from autotune.search.storage import open_storage
from autotune.search.tuner import Ending, budget, loop
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from .tabulated import RUNGS, Bench, Recorder, TabulatedTrainer, rising

LEFT = "{} of {} trials are left; the same command resumes with another budget"


class Clock:
    """Stands still until a rung moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def trainer(self, rung_s: Callable[[int], float], slots: int = 1) -> TabulatedTrainer:
        """A trainer whose rungs take so long, by how many there were."""
        made = TabulatedTrainer(rising, slots)

        def pass_time(advance: int) -> None:
            self.now += rung_s(advance)

        made.on_advance = pass_time
        return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (budget, loop):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=made.monotonic, sleep=lambda _: None))
    return made


@pytest.fixture
def bench() -> Bench:
    return Bench(InMemoryStorage())


@pytest.fixture
def stored(tmp_path: Path) -> Bench:
    return Bench(open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True))


def messages(recorder: Recorder) -> list[object]:
    return [event[1] for event in recorder.named("message")]


def ended(bench: Bench) -> int:
    return bench.states().count(TrialState.COMPLETE)


def test_a_run_whose_last_rung_ends_after_the_deadline_is_done(bench: Bench, clock: Clock) -> None:
    ending, recorder = bench.run(clock.trainer(lambda rung: 10.0 if rung < len(RUNGS) else 100.0), 1, timeout_s=65.0)
    assert (ending, bench.states()[0]) == (Ending.DONE, TrialState.COMPLETE)
    assert not recorder.named("message")


@pytest.mark.slow
@pytest.mark.parametrize(("timeout_s", "complete"), [(49.0, 0), (59.0, 1), (179.0, 2), (181.0, 3), (239.0, 3)])
def test_a_trial_begins_only_if_the_mean_so_far_fits(
    stored: Bench, clock: Clock, timeout_s: float, complete: int
) -> None:
    """Trials take 60 s each; the first one's length is not known, so it is cut where it does not fit."""
    begun = clock.now
    ending, recorder = stored.run(clock.trainer(lambda _: 10.0), 7, timeout_s=timeout_s)
    assert ending is Ending.TIMEOUT
    assert ended(stored) == complete
    assert len(recorder.named("started")) == max(1, complete)
    assert messages(recorder) == [LEFT.format(7 - complete, 7)]
    assert clock.now - begun <= timeout_s + 10
    assert TrialState.RUNNING not in stored.states()


def test_a_slow_beginning_stops_asking_earlier(bench: Bench, clock: Clock) -> None:
    """The first trial takes 300 s and the others 60 s: after five, at 540 s, the mean is 108 s."""
    trainer = clock.trainer(lambda advance: 50.0 if advance <= len(RUNGS) else 10.0)
    assert bench.run(trainer, 7, timeout_s=610.0)[0] is Ending.TIMEOUT
    assert ended(bench) == 5


def test_running_trials_end_when_no_more_are_begun(bench: Bench, clock: Clock) -> None:
    """Two slots: the pair that runs when the time is short is finished, and nobody is put back."""
    begun = clock.now
    ending, recorder = bench.run(clock.trainer(lambda _: 10.0, slots=2), 7, timeout_s=400.0)
    assert ending is Ending.TIMEOUT
    assert 4 <= ended(bench) < 7
    assert set(bench.states()) == {TrialState.COMPLETE}
    assert not recorder.named("requeued")
    assert messages(recorder) == [LEFT.format(7 - ended(bench), 7)]
    assert clock.now - begun <= 400.0


def test_enough_time_says_nothing(bench: Bench, clock: Clock) -> None:
    ending, recorder = bench.run(clock.trainer(lambda _: 10.0), 3, timeout_s=181.0)
    assert (ending, messages(recorder)) == (Ending.DONE, [])


def hours(seconds: float) -> SearchSettings:
    return SearchSettings(device_hours=seconds / 3600)


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize(("seconds", "complete"), [(17.0, 2), (18.5, 3), (23.0, 3), (36.5, 6)])
def test_device_hours_are_never_overdrawn_once_a_trials_length_is_known(
    bench: Bench, slots: int, seconds: float, complete: int
) -> None:
    """A trial trains 6 s. The first ones, one a slot, begin unmeasured."""
    ending, recorder = bench.run(TabulatedTrainer(rising, slots), 9, budgets=hours(seconds))
    assert ending is Ending.DEVICE_HOURS
    assert ended(bench) == max(complete, slots)
    assert sum(trial.user_attrs["seconds"] for trial in bench.study.trials) <= max(seconds, 6.0 * slots)
    assert messages(recorder) == [LEFT.format(9 - max(complete, slots), 9)]


def test_device_hours_count_earlier_runs(bench: Bench) -> None:
    bench.run(TabulatedTrainer(rising), 3)
    ending, recorder = bench.run(TabulatedTrainer(rising), 9, budgets=hours(18.5))
    assert (ending, recorder.named("started"), ended(bench)) == (Ending.DEVICE_HOURS, [], 3)
    assert bench.run(TabulatedTrainer(rising), 9, budgets=hours(30.5))[0] is Ending.DEVICE_HOURS
    assert ended(bench) == 5
    assert bench.run(TabulatedTrainer(rising), 6, budgets=hours(36.5))[0] is Ending.DONE


def test_who_only_waits_for_others_needs_no_budget(stored: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget has no room for one more trial, but none is to be begun: who waits takes over where others die."""
    stored.run(TabulatedTrainer(rising), 1)
    other = Claims(stored.study, stored.storage)
    other._owner |= {"host": "elsewhere"}
    trial = stored.study.ask()
    other.mark_owner(trial)
    monkeypatch.setattr(loop, "time", SimpleNamespace(sleep=lambda _: stored.study.tell(trial, 0.5)))
    ending, _ = stored.run(TabulatedTrainer(rising), 2, budgets=hours(6.5))
    assert ending is Ending.DONE


@pytest.mark.slow
def test_the_seconds_of_a_killed_life_are_not_given_back(stored: Bench) -> None:
    """What a kill would leave in the storage is there at every rung, and counts though the trial only waits."""
    found: list[float] = []
    trainer = TabulatedTrainer(rising)
    trainer.on_advance = lambda _: found.append(stored.study.trials[0].user_attrs.get("seconds", 0.0))
    stored.run(trainer, 1)
    assert found == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]

    trainer, interruption = interrupted_after(4)
    stored.run(trainer, 2, interruption=interruption)
    assert stored.states() == [TrialState.COMPLETE, TrialState.WAITING]
    assert stored.run(TabulatedTrainer(rising), 9, budgets=hours(15.5))[0] is Ending.DEVICE_HOURS
    assert stored.states() == [TrialState.COMPLETE, TrialState.WAITING]


def interrupted_after(rungs: int) -> tuple[TabulatedTrainer, Interruption]:
    trainer, interruption = TabulatedTrainer(rising), Interruption()
    trainer.on_advance = lambda advance: setattr(interruption, "requested", advance == rungs)
    return trainer, interruption


def test_a_trials_time_limit_counts_its_earlier_lives(stored: Bench) -> None:
    """Three seconds before an interruption, then three more: over the five that are allowed."""
    limit = SearchSettings(trial_timeout=5.0)
    trainer, interruption = interrupted_after(3)
    assert stored.run(trainer, 1, interruption=interruption, budgets=limit)[0] is Ending.INTERRUPTED
    assert stored.study.trials[0].user_attrs["seconds"] == 3.0
    stored.run(TabulatedTrainer(rising), 1, budgets=limit)
    assert stored.states()[0] is TrialState.FAIL
    assert stored.study.trials[0].user_attrs["failure"] == {
        "kind": "timed out",
        "message": "trained 6 s of at most 5 s (search.trial_timeout)",
    }
    assert stored.study.trials[0].user_attrs["seconds"] == 6.0


def test_a_trial_within_its_time_is_complete_and_the_next_one_has_its_own(stored: Bench) -> None:
    limit = SearchSettings(trial_timeout=9.0)
    trainer, interruption = interrupted_after(3)
    stored.run(trainer, 2, interruption=interruption, budgets=limit)
    assert stored.run(TabulatedTrainer(rising), 2, budgets=limit)[0] is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 2
    assert [trial.user_attrs["seconds"] for trial in stored.study.trials] == [9.0, 6.0]
