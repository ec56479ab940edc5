"""What a pool does with what its workers say; the workers are scripts."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from autotune.objectives.training.checkpoint_files import checkpoint_file
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.trainer import Evaluation
from autotune.search.executors.lanes import Worker, WorkerDied
from autotune.search.executors.places import Place, cores
from autotune.search.executors.pool import PoolExecutor
from autotune.search.executors.worker import Begun, Leaving, Message, Preparing, Ready, Recipe, Round, Told
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import TrainingError

DIES = None
Script = Sequence[Message | None]
"""What a worker says, and None where it dies."""


class Scripted(Worker):
    """Says a line a call, whatever it is given; at the end of its script it dies."""

    def __init__(self, script: Script) -> None:
        self.lines = deque(script)
        self.given: list[Round] = []
        self.is_gone = False

    def send(self, given: Round) -> None:
        if self.is_gone:
            raise WorkerDied("it fell over")
        self.given.append(given)

    def receive(self) -> Message:
        line = self.lines.popleft()
        if line is None:
            raise WorkerDied("it fell over")
        return line

    def kill(self) -> None: ...
    def close(self) -> None: ...


class ScriptedPool(PoolExecutor):
    def __init__(self, recipe: Recipe, *scripts: Script, limit_s: float | None = None, retries: int = 1) -> None:
        super().__init__(cores(1), recipe, print, retries, limit_s)
        self.scripts = deque(scripts)
        self.hired: list[Scripted] = []

    def hire(self, place: Place) -> Worker:
        self.hired.append(Scripted(self.scripts.popleft()))
        return self.hired[-1]

    def waited(self, workers: Sequence[Worker], timeout_s: float | None) -> Iterable[Worker]:
        ready = [worker for worker in workers if isinstance(worker, Scripted)]
        return [] if timeout_s == 0 else ready


def told(step: int, *, finished: bool = False) -> Told:
    return Told([Evaluation(7, step, {"accuracy": 0.5}, finished=finished, seconds=10.0)])


def test_seconds_that_were_trained_again_are_told(recipe: Recipe) -> None:
    """The budget of device-hours is of all training, that of a worker that died too."""
    begun, again = (Ready(), Begun([7]), told(3), Begun([7]), DIES), (Ready(), Begun([7]), told(3), told(6))
    with ScriptedPool(recipe, begun, again) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        (first,) = pool.advance()
        (second,) = pool.advance()
    assert (first.step, first.seconds) == (3, 10.0)
    assert second.step == 6
    assert 20.0 <= second.seconds < 21.0, "the third step a second time, the sixth, and the moment till it died"


def test_who_drains_hires_nobody(recipe: Recipe) -> None:
    with ScriptedPool(recipe, (Ready(), Begun([7]), told(3), DIES)) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.advance()
        assert pool.advance(0.0) == []  # the next rung begins
        assert pool.drain() == []
        assert len(pool.hired) == 1
        pool.evict(7)


def test_who_drains_waits_for_no_worker_that_has_not_begun(recipe: Recipe) -> None:
    """On a cluster without room for it that would be for ever."""
    with ScriptedPool(recipe, ()) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        assert pool.advance(0.0) == []
        assert pool.drain() == []
        pool.evict(7)


def ended(*trial_ids: int) -> Told:
    return Told([Evaluation(trial_id, 3, {"accuracy": 0.5}, finished=True, seconds=1.0) for trial_id in trial_ids])


def test_of_trials_that_train_as_one_the_one_that_kills_its_worker_fails_alone(recipe: Recipe) -> None:
    scripts = [
        (Ready(), Begun([7, 8, 9]), DIES),
        (Ready(), Begun([7]), ended(7), Begun([8]), DIES),
        (Ready(), Begun([8]), DIES),
        (Ready(), Begun([9]), ended(9)),
    ]
    with ScriptedPool(replace(recipe, slots=3), *scripts) as pool:
        for trial_id in (7, 8, 9):
            pool.admit(trial_id, Configuration(learning_rate=1e-3))
        found = [evaluation for _ in range(3) for evaluation in pool.advance()]
        given = [[*one.coming] for worker in pool.hired for one in worker.given]
    assert [(one.trial_id, one.failure is None) for one in found] == [(7, True), (8, False), (9, True)]
    assert given == [[7, 8, 9], [7], [8], [8], [9]]


@pytest.mark.parametrize("is_gone", [True, False], ids=["is seen when it is given a trial", "is heard later"])
def test_a_worker_that_died_idle_costs_the_next_trial_no_attempt(recipe: Recipe, is_gone: bool) -> None:
    scripts = (Ready(), Preparing(), Begun([7]), ended(7), DIES), (Ready(), Preparing(), Begun([8]), ended(8))
    with ScriptedPool(recipe, *scripts, retries=0) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.advance()
        pool.discard(7)
        pool.hired[0].is_gone = is_gone
        pool.admit(8, Configuration(learning_rate=1e-3))
        (found,) = pool.advance()
    assert (found.trial_id, found.failure) == (8, None)


@pytest.mark.parametrize("last", [Preparing(), Begun([7])], ids=["made ready for", "began"])
def test_a_worker_that_dies_on_a_trial_that_it_had_costs_an_attempt(recipe: Recipe, last: Message) -> None:
    with ScriptedPool(recipe, (Ready(), last, DIES), retries=0) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        (found,) = pool.advance()
    assert found.failure is not None
    assert found.failure.message == "it fell over; 1 attempt failed (search.retries is 0)"


def test_workers_that_die_before_they_begin_a_trial_end_the_run(recipe: Recipe) -> None:
    with ScriptedPool(recipe, *[(Ready(), DIES)] * 3) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        with pytest.raises(TrainingError, match="CPU worker 0 does not start: it fell over"):
            pool.advance()


def heard(step: int, *trial_ids: int, finished: bool = False) -> Told:
    return Told([Evaluation(each, step, {"accuracy": 0.5}, finished=finished, seconds=1.0) for each in trial_ids])


def test_a_trial_that_kills_its_worker_in_a_later_rung_fails_alone(recipe: Recipe) -> None:
    """A suspect tells first what was heard before; until it comes to a new rung nobody joins it."""
    alone = (Begun([7]), heard(3, 7), Begun([7]), heard(6, 7))
    scripts = [
        (Ready(), Begun([7, 8]), heard(3, 7, 8), Begun([7, 8]), DIES),
        (Ready(), *alone, Begun([8]), heard(3, 8), Begun([8]), DIES),
        (Ready(), Begun([8]), heard(3, 8), Begun([8]), DIES),
        (Ready(), Begun([7]), heard(6, 7), Begun([7]), heard(9, 7, finished=True)),
    ]
    with ScriptedPool(replace(recipe, slots=2), *scripts) as pool:
        for trial_id in (7, 8):
            pool.admit(trial_id, Configuration(learning_rate=1e-3))
        found = [evaluation for _ in range(4) for evaluation in pool.advance()]
        rounds = [(list(one.leaving), [*one.coming]) for worker in pool.hired for one in worker.given]
    steps = [(one.trial_id, one.step, one.failure is None) for one in found]
    assert steps == [(7, 3, True), (8, 3, True), (7, 6, True), (8, 3, False), (7, 9, True)]
    assert rounds == [
        ([], [7, 8]),
        ([], []),
        ([], [7]),
        ([], []),
        ([(7, Leaving.EVICT)], [8]),
        ([], []),
        ([], [8]),
        ([], []),
        ([], [7]),
        ([], []),
    ]


def test_who_writes_a_state_is_given_nothing_new(recipe: Recipe) -> None:
    """A suspect that waits would have the other one leave twice."""
    alone = (Begun([7]), heard(3, 7), Begun([7]), heard(6, 7), Told(()))
    scripts = [(Ready(), Begun([7, 8]), heard(3, 7, 8), Begun([7, 8]), DIES), (Ready(), *alone)]
    with ScriptedPool(replace(recipe, slots=2), *scripts) as pool:
        for trial_id in (7, 8):
            pool.admit(trial_id, Configuration(learning_rate=1e-3))
        for _ in range(2):
            pool.advance()
        pool.evict(7)
        last = pool.hired[-1].given[-1]
    assert (list(last.leaving), dict(last.coming), last.train) == ([(7, Leaving.EVICT)], {}, False)


def test_a_state_that_a_worker_has_written_is_not_read_back(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every trial at each Ctrl-C, and gigabytes of a large model."""
    read = list[int]()
    monkeypatch.setattr(CheckpointStore, "load", lambda _, trial_id, __: read.append(trial_id))
    with ScriptedPool(recipe, (Ready(), Begun([7]), told(3), Told(()))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.advance()
        pool.evict(7)
        assert pool.hired[0].given[-1].leaving == [(7, Leaving.EVICT)]
    assert read == []


def test_what_a_trial_waits_for_before_it_trains_counts_for_no_limit(recipe: Recipe) -> None:
    """On a fresh seed its worker reads and augments first."""
    with ScriptedPool(recipe, (Ready(), Preparing()), limit_s=0.05) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool._dispatch(pool._lanes[0])
        for _ in range(2):
            pool._listen(pool._lanes[0], pool.hired[0])
        time.sleep(0.1)
        assert pool._overdue(pool._lanes[0]) == []


class Punctual(ScriptedPool):
    """One that waits for a worker's first word 0.05 s at most; a worker whose script is over says nothing."""

    starting_s = 0.05

    def waited(self, workers: Sequence[Worker], timeout_s: float | None) -> Iterable[Worker]:
        ready = [each for each in super().waited(workers, timeout_s) if isinstance(each, Scripted) and each.lines]
        if not ready:
            assert timeout_s is not None, "for ever"
            time.sleep(timeout_s)
        return ready


def test_a_worker_that_hangs_before_it_is_ready_is_replaced(recipe: Recipe) -> None:
    with Punctual(recipe, (), (Ready(), Begun([7]), ended(7))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        assert [one.trial_id for one in pool.advance()] == [7]
        assert len(pool.hired) == 2


def test_workers_that_hang_again_and_again_before_they_are_ready_end_the_run(recipe: Recipe) -> None:
    with Punctual(recipe, (), (), ()) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        with pytest.raises(TrainingError, match=r"CPU worker 0 does not start: it was not ready after 0 s"):
            pool.advance()


def test_a_worker_that_is_ready_may_take_its_time(recipe: Recipe) -> None:
    with Punctual(recipe, (Ready(), Begun([7]))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        assert pool.advance(0.2) == []
        assert len(pool.hired) == 1


def test_a_worker_that_hangs_while_it_writes_a_state_is_ended(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotune.search.executors.pool.WRITING_S", 0.05)
    with ScriptedPool(recipe, (Ready(), Begun([7]), told(3))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.advance()
        monkeypatch.setattr(pool, "waited", lambda _workers, timeout_s: time.sleep(min(timeout_s, 0.01)) or ())
        pool.evict(7)
        assert pool._lanes[0].worker is None


def test_a_worker_that_hangs_in_an_abandoned_trial_keeps_no_slot(recipe: Recipe) -> None:
    with ScriptedPool(recipe, (Ready(), Begun([7])), (Ready(), Begun([9]), ended(9))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        for _ in range(3):
            pool.advance(0.0)
        pool.abandon(7)
        pool.admit(9, Configuration(learning_rate=1e-3))
        assert [one.trial_id for one in pool.advance()] == [9]


def test_workers_that_are_ended_while_they_start_have_not_died(recipe: Recipe) -> None:
    """As where another program ends the trial that each was hired for."""
    with ScriptedPool(recipe, (), (), (), (DIES,), (Ready(), Begun([9]), ended(9))) as pool:
        for trial_id in (6, 7, 8):
            pool.admit(trial_id, Configuration(learning_rate=1e-3))
            assert pool.advance(0.0) == []
            pool.abandon(trial_id)
        pool.admit(9, Configuration(learning_rate=1e-3))
        assert [(one.trial_id, one.failure) for one in pool.advance()] == [(9, None)]


def test_trials_that_train_as_one_share_the_time_that_their_limit_counts(recipe: Recipe) -> None:
    with ScriptedPool(replace(recipe, slots=2), (Ready(), Begun([7, 8])), limit_s=0.5) as pool:
        for trial_id in (7, 8):
            pool.admit(trial_id, Configuration(learning_rate=1e-3))
        assert pool.advance(0.0) == []
        (lane,) = pool._lanes
        lane.since = time.monotonic() - 0.8
        assert pool._overdue(lane) == []
        lane.since = time.monotonic() - 1.2
        late = pool._overdue(lane)
    assert [one.trial_id for one in late] == [7, 8]
    assert all(one.failure is not None and one.failure.kind is FailureKind.TIMED_OUT for one in late)


def test_what_a_trial_trained_before_counts_for_its_limit(recipe: Recipe) -> None:
    """A worker that hangs after a resume gets what is left, and nothing is told twice."""
    with ScriptedPool(recipe, (Ready(), Begun([7])), limit_s=30.0) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.charge(7, 29.9)
        pool.advance(0.0)
        (lane,) = pool._lanes
        lane.since = time.monotonic() - 0.2
        (late,) = pool._overdue(lane)
    assert late.failure is not None
    assert late.failure.kind is FailureKind.TIMED_OUT
    assert late.seconds < 1.0


def test_an_abandoned_trial_keeps_its_checkpoint_and_a_discarded_one_does_not(recipe: Recipe) -> None:
    file = checkpoint_file(recipe.store.folder, 7)
    file.parent.mkdir(parents=True)
    file.touch()
    with ScriptedPool(recipe, (Ready(), Begun([7]), told(3), Told(()))) as pool:
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.advance()
        pool.abandon(7)
        assert file.exists()
        pool.admit(7, Configuration(learning_rate=1e-3))
        pool.discard(7)
        assert not file.exists()
