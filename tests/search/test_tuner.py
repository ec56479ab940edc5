"""The tuner over tabulated learning curves: the loop, and nothing that trains."""

import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import optuna
import pytest
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.failure import Failure, FailureKind
from autotune.objectives.training.trainer import Checkpoint, Evaluation
from autotune.search.claims import Claims
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.observer import Standing
from autotune.search.pruners import make_pruner
from autotune.search.roles import BASELINE, CONFIGURATION, EQUAL_WEIGHTS, OWNER
from autotune.search.samplers import grid_points, make_sampler
from autotune.search.scoring import Scoring
from autotune.search.settings import PrunerName, SamplerName
from autotune.search.storage import open_storage
from autotune.search.tuner import Budget, Ending, Tuner
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import DeviceFailed
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from .tabulated import RUNGS, SPACE, Bench, Curve, Recorder, TabulatedTrainer, humped, rising


@pytest.fixture
def bench() -> Bench:
    return Bench(InMemoryStorage())


@pytest.fixture
def stored(tmp_path: Path) -> Bench:
    """In a file: Optuna's storage in memory never asks a trial again that went back into the queue."""
    return Bench(open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True))


@pytest.mark.parametrize("slots", [1, 2, 3, 4])
def test_the_total_is_exact_for_any_number_of_slots(bench: Bench, slots: int) -> None:
    trainer = TabulatedTrainer(rising, slots)
    ending, recorder = bench.run(trainer, 7)
    assert ending is Ending.DONE
    assert bench.states() == [TrialState.COMPLETE] * 7
    assert trainer.most == slots
    assert len(recorder.named("completed")) == 7
    assert recorder.heard[0] == ("began", 7, Standing(0, None, None), "maximize", 60)
    assert recorder.heard[-1] == ("ended", "all trials are done")


def test_a_slot_is_refilled_the_moment_its_trial_leaves(bench: Bench) -> None:
    trainer = TabulatedTrainer(lambda c: [FailureKind.CRASHED] if c.learning_rate > 1e-4 else rising(c), 3)
    _, recorder = bench.run(trainer, 9)
    running = 0
    for place, event in enumerate(recorder.heard):
        running += (event[0] == "started") - (event[0] in {"completed", "failed"})
        if event[0] == "evaluated" and len(trainer.admitted) < 9:
            assert running == 3, recorder.heard[: place + 1]


def test_baseline_and_equal_weights_come_first_and_train_what_they_say(bench: Bench) -> None:
    trainer = TabulatedTrainer(rising)
    _, recorder = bench.run(trainer, 4)
    assert trainer.admitted[:2] == [(0, SPACE.baseline()), (1, SPACE.equal_weights())]
    assert recorder.named("started") == [
        ("started", 0, BASELINE), ("started", 1, EQUAL_WEIGHTS), ("started", 2, None), ("started", 3, None),
    ]  # fmt: skip


def worse_later() -> Callable[[Configuration], Curve]:
    """The given two are poor from the start and stay so; of the others each is worse than all before it."""
    order: list[Configuration] = []

    def curve(configuration: Configuration) -> Curve:
        if configuration in (SPACE.baseline(), SPACE.equal_weights()):
            return [0.1] * len(RUNGS)
        if configuration not in order:
            order.append(configuration)
        level = 0.9 - 0.02 * order.index(configuration)
        return [level + 0.001 * place for place in range(len(RUNGS))]

    return curve


@pytest.mark.parametrize("name", [name for name in get_args(PrunerName) if name != "none"])
def test_every_pruner_fires_but_never_at_the_end_and_never_on_the_given_trials(bench: Bench, name: str) -> None:
    pruner = make_pruner(name, RUNGS, RUNGS[1], 24, folds=None)
    _, recorder = bench.run(TabulatedTrainer(worse_later()), 24, pruner=pruner)
    pruned = recorder.named("pruned")
    assert pruned, f"{name} never fired"
    assert all(step != RUNGS[-1] for _, _, step in pruned)
    assert bench.states()[:2] == [TrialState.COMPLETE, TrialState.COMPLETE]
    assert bench.states().count(TrialState.PRUNED) == len(pruned)
    assert len(recorder.named("completed", "pruned", "failed")) == 24


def test_no_pruner_prunes_nothing(bench: Bench) -> None:
    _, recorder = bench.run(
        TabulatedTrainer(worse_later()), 12, pruner=make_pruner("none", RUNGS, RUNGS[1], 12, folds=None)
    )
    assert not recorder.named("pruned")


def test_a_trial_is_worth_its_best_evaluation(bench: Bench) -> None:
    _, recorder = bench.run(TabulatedTrainer(humped), 3)
    for trial in bench.study.trials:
        assert trial.value == max(trial.intermediate_values.values())
        assert trial.user_attrs["best_step"] == 30
        accuracy = trial.intermediate_values[30]
        assert trial.user_attrs["metrics"] == {"accuracy": accuracy, "other": -accuracy}
        assert trial.user_attrs["seconds"] == len(RUNGS)
        assert ("completed", trial.number, trial.value, 30) in recorder.heard


def test_the_best_is_the_least_where_less_is_better() -> None:
    storage = InMemoryStorage()
    study = optuna.create_study(study_name="least", storage=storage, direction="minimize", sampler=RandomSampler(0))
    recorder = Recorder()
    with InlineExecutor(TabulatedTrainer(humped)) as executor:
        Tuner(Claims(study, storage), SPACE, executor, recorder, Scoring(["other"]), 60, Budget()).run(
            2, Interruption()
        )
    assert all(trial.value == min(trial.intermediate_values.values()) for trial in study.trials)
    assert recorder.heard[0][3] == "minimize"


@pytest.mark.parametrize(
    ("end", "kind", "words"),
    [
        (FailureKind.OUT_OF_MEMORY, "out of memory", "as tabulated"),
        (FailureKind.DIVERGED, "diverged", "as tabulated"),
        (math.nan, "diverged", "accuracy is nan at step 20"),
        (math.inf, "diverged", "accuracy is inf at step 20"),
    ],
)
def test_a_failed_trial_is_recorded_with_its_reason_and_the_study_goes_on(
    bench: Bench, end: float | FailureKind, kind: str, words: str
) -> None:
    failing = SPACE.equal_weights()
    trainer = TabulatedTrainer(lambda c: [0.5, end] if c == failing else rising(c), 2)
    ending, recorder = bench.run(trainer, 5)
    assert ending is Ending.DONE
    assert bench.states() == [TrialState.COMPLETE, TrialState.FAIL, *[TrialState.COMPLETE] * 3]
    assert bench.study.trials[1].user_attrs["failure"] == {"kind": kind, "message": words}
    assert recorder.named("failed") == [("failed", 1, f"{kind}: {words}")]
    assert bench.study.best_trial.number != 1


def stopped_after(trainer: TabulatedTrainer, advances: int) -> Interruption:
    interruption = Interruption()

    def stop(number: int) -> None:
        interruption.requested = number >= advances

    trainer.on_advance = stop
    return interruption


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("advances", [1, 2, 5, 11])
def test_an_interrupted_run_resumes_to_exactly_the_total(stored: Bench, slots: int, advances: int) -> None:
    trainer = TabulatedTrainer(rising, slots)
    ending, recorder = stored.run(trainer, 6, interruption=stopped_after(trainer, advances))
    assert ending is Ending.INTERRUPTED
    assert recorder.heard[-1] == ("ended", "interrupted")
    assert recorder.named("requeued")
    assert TrialState.RUNNING not in stored.states()
    begun = [dict(configuration) for _, configuration in trainer.admitted]

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns of a step that is reported twice
        ending, recorder = stored.run(TabulatedTrainer(rising, slots), 6)
    assert ending is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 6
    after = [dict(Configuration.model_validate(given)) for given in stored.configurations()]
    assert after[: len(begun)] == begun
    for trial in stored.study.trials:
        assert list(trial.intermediate_values) == list(RUNGS)
        assert trial.value == rising(Configuration.model_validate(trial.user_attrs[CONFIGURATION]))[-1]


def test_a_resumed_trial_comes_with_the_time_that_it_has_had(stored: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its executor holds its limit over all runs."""
    charged: list[tuple[int, float]] = []
    monkeypatch.setattr(InlineExecutor, "charge", lambda _, number, seconds: charged.append((number, seconds)))
    trainer = TabulatedTrainer(rising)
    stored.run(trainer, 2, interruption=stopped_after(trainer, 2))
    stored.run(TabulatedTrainer(rising), 2)
    assert charged == [(0, 0.0), (0, 2.0), (1, 0.0)]


def test_a_resumed_run_knows_what_was_found(bench: Bench) -> None:
    bench.run(TabulatedTrainer(rising), 3)
    best = bench.study.best_trial
    ending, recorder = bench.run(TabulatedTrainer(rising), 5)
    assert ending is Ending.DONE
    standing = Standing(3, (best.number, best.values[0]), bench.study.trials[0].value)
    assert recorder.heard[0] == ("began", 5, standing, "maximize", 60)
    assert [event[1] for event in recorder.named("started")] == [3, 4]


@pytest.mark.slow
def test_a_run_hears_what_other_runs_found_meanwhile(stored: Bench) -> None:
    """Before each of its own trials leaves, that one not yet counted, and at the end."""
    trainer = TabulatedTrainer(rising)

    def join(advance: int) -> None:
        if advance == 2:
            other = TabulatedTrainer(rising)
            stored.run(other, 4, interruption=stopped_after(other, 2 * len(RUNGS)))

    trainer.on_advance = join
    _, recorder = stored.run(trainer, 4)
    values = [trial.values[0] for trial in stored.study.trials]

    def best_of(*numbers: int) -> tuple[int, float]:
        return max(((number, values[number]) for number in numbers), key=lambda best: best[1])

    assert [event[1] for event in recorder.named("completed")] == [0, 3]
    assert recorder.named("updated") == [
        ("updated", Standing(2, best_of(1, 2), None)),
        ("updated", Standing(3, best_of(0, 1, 2), values[0])),
        ("updated", Standing(4, best_of(0, 1, 2, 3), values[0])),
    ]


def test_a_checkpoint_that_another_run_writes_while_a_trial_leaves_stays(tmp_path: Path) -> None:
    bench = Bench(InMemoryStorage(), enqueue=False)
    store = CheckpointStore(tmp_path / "checkpoints", "any", 10**9)

    class Slow(TabulatedTrainer):
        def evict(self, trial_id: int) -> Checkpoint | None:
            store.save(bench.study.ask().number, Checkpoint(SPACE.baseline(), 10, {}, {}, {}))
            return super().evict(trial_id)

    bench.run(Slow(rising), 1, store=store)
    assert list(store.sizes()) == [1]


def test_a_run_that_is_done_trains_nothing(bench: Bench) -> None:
    bench.run(TabulatedTrainer(rising), 3)
    trainer = TabulatedTrainer(rising)
    ending, recorder = bench.run(trainer, 3)
    assert (ending, trainer.admitted) == (Ending.DONE, [])
    assert [event[0] for event in recorder.heard] == ["began", "updated", "ended"]
    bench.run(trainer, 2)
    assert len(bench.states()) == 3


@pytest.mark.slow
def test_the_timeout_ends_a_run_and_loses_nothing(stored: Bench) -> None:
    ending, _ = stored.run(TabulatedTrainer(rising, 2), 6, timeout_s=0.0)
    assert ending is Ending.TIMEOUT
    assert TrialState.RUNNING not in stored.states()
    assert stored.run(TabulatedTrainer(rising, 2), 6)[0] is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 6


@pytest.mark.slow
def test_a_trial_that_fails_every_device_does_not_come_for_ever(stored: Bench) -> None:
    """Each run ends with the device; after `retries` (2) of them the trial failed, and the next run does the rest."""
    for run in range(3):
        trainer = TabulatedTrainer(rising)
        trainer.device_fails_at = 2
        recorder = Recorder()
        with pytest.raises(DeviceFailed, match=r"device-side assert"):
            stored.run(trainer, 3, recorder=recorder)
        assert (len(recorder.named("failed")), len(recorder.named("requeued"))) == ((1, 0) if run == 2 else (0, 1))
        assert stored.states()[0] is (TrialState.FAIL if run == 2 else TrialState.WAITING)
    failure = stored.study.trials[0].user_attrs["failure"]
    assert failure["kind"] == FailureKind.CRASHED
    assert "; 3 attempts failed" in failure["message"]
    assert stored.run(TabulatedTrainer(rising), 3)[0] is Ending.DONE
    assert stored.states() == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


@pytest.mark.slow
def test_a_crash_leaves_nothing_running(stored: Bench) -> None:
    trainer = TabulatedTrainer(rising, 2)
    trainer.crash_at = 5
    with pytest.raises(OSError, match="on fire"):
        stored.run(trainer, 6)
    assert TrialState.RUNNING not in stored.states()
    assert stored.run(TabulatedTrainer(rising, 2), 6)[0] is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 6


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:se@cret@host/studies",
        "postgresql+psycopg://host/studies?user=ada&password=se@cret",
        "could not connect: host=db user=ada password=se@cret",
    ],
)
def test_a_failures_record_holds_no_password(bench: Bench, address: str) -> None:
    class Failing(TabulatedTrainer):
        def advance(self) -> list[Evaluation]:
            [evaluation] = super().advance()
            failure = Failure(FailureKind.CRASHED, f"no {address}", f"Traceback:\n  in f\nOSError: {address}\nend")
            return [Evaluation(evaluation.trial_id, 10, finished=True, failure=failure)]

    _, recorder = bench.run(Failing(rising), 1)
    record = bench.study.trials[0].user_attrs["failure"]
    assert (record["kind"], record["trace"].splitlines()[0], record["trace"][-4:]) == ("crashed", "Traceback:", "\nend")
    assert "ada" in record["trace"]
    for text in (record["message"], record["trace"], str(recorder.heard)):
        assert "cret" not in text
        assert "***" in text


def test_a_signal_between_asking_and_noting_leaves_nothing_running(
    stored: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna.trial.Trial, "set_user_attr", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stored.run(TabulatedTrainer(rising, 1), 3)
    assert TrialState.RUNNING not in stored.states()
    assert stored.run(TabulatedTrainer(rising, 1), 3)[0] is Ending.DONE
    assert stored.states().count(TrialState.COMPLETE) == 3


@pytest.mark.slow
def test_a_tuner_that_slept_lets_go_of_what_another_took_and_may_take_it_anew(stored: Bench) -> None:
    """As where a machine wakes up: another host thought both of its trials dead."""
    other = Claims(stored.study, stored.storage, grace_s=-1.0)
    other._owner |= {"host": "elsewhere"}
    trainer = TabulatedTrainer(rising, 2)

    def take_over(advance: int) -> None:
        if advance == 3:
            for trial in stored.study.trials:
                if trial.state is TrialState.RUNNING:
                    owner = trial.user_attrs[OWNER] | {"host": "another"}
                    stored.storage.set_trial_user_attr(trial._trial_id, OWNER, owner)
            other.reap(())

    trainer.on_advance = take_over
    ending, recorder = stored.run(trainer, 4)
    assert ending is Ending.DONE
    assert recorder.named("requeued") == [("requeued", 0), ("requeued", 1)]
    assert stored.states() == [TrialState.COMPLETE] * 4
    completed = [event[1] for event in recorder.named("completed")]
    assert (len(completed), set(completed)) == (4, {0, 1, 2, 3})


def lost_once(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but the server is away when it is first asked."""
    times = itertools.count()

    @functools.wraps(call)
    def asked(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if next(times) == 0:
            raise OperationalError("SELECT", None, Exception("the server is away"))
        return call(*arguments, **named)

    return asked


def test_a_server_that_is_lost_between_report_and_pruning_prunes_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return True

    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lost_once(optuna.trial.Trial.should_prune))
    _, recorder = bench.run(TabulatedTrainer(rising), 3, pruner=Impatient())
    assert recorder.named("pruned") == [("pruned", 2, RUNGS[0])]


def test_a_server_that_is_lost_after_a_trial_was_told_leaves_nobody_unsaid(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tuner, "_let_go", lost_once(Tuner._let_go))
    _, recorder = bench.run(TabulatedTrainer(rising), 3)
    assert [event[1] for event in recorder.named("completed")] == [0, 1, 2]
    assert not recorder.named("requeued")


@pytest.mark.slow
def test_orphans_of_a_killed_run_are_trained_first_with_their_own_configuration(stored: Bench) -> None:
    orphans = [stored.study.ask(SPACE.distributions) for _ in range(3)]
    orphans[2].report(0.4, 10)
    half = stored.study.ask()  # killed before its parameters were suggested
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ending, recorder = stored.run(TabulatedTrainer(rising), 5)
    assert ending is Ending.DONE
    assert [event[1] for event in recorder.named("started")] == [0, 1, 2, 3, 4]
    assert stored.study.trials[2].params == orphans[2].params
    assert stored.study.trials[2].intermediate_values[10] == 0.4
    assert stored.study.trials[half.number].params.keys() == SPACE.distributions.keys()
    assert stored.states() == [TrialState.COMPLETE] * 5


def test_a_grid_is_enumerated() -> None:
    bench = Bench(InMemoryStorage(), enqueue=False)
    points = grid_points(SPACE.distributions, levels=2)[:20]
    sampler = make_sampler("grid", SPACE.distributions, 0, [0], 20, points)
    bench.run(TabulatedTrainer(rising, 2), len(points), sampler=sampler)
    assert [trial.params for trial in bench.study.trials] == points


@pytest.mark.parametrize("name", get_args(SamplerName))
def test_every_sampler_searches_a_mixed_space(bench: Bench, name: str) -> None:
    sampler = make_sampler(name, SPACE.distributions, 0, [0], 12, points=())
    ending, _ = bench.run(
        TabulatedTrainer(rising, 2), 12, sampler=sampler, pruner=make_pruner("auto", RUNGS, 20, 12, folds=None)
    )
    assert ending is Ending.DONE
    assert len(bench.states()) == 12
    assert all(state.is_finished() for state in bench.states())
    assert distinct(bench.configurations()) == 12
    assert all(trial.params.keys() == SPACE.distributions.keys() for trial in bench.study.trials)


def distinct(values: Iterable[object]) -> int:
    return len(set(map(repr, values)))


def test_a_pruned_trial_is_never_the_best(bench: Bench) -> None:
    """Optuna gives a PRUNED trial its last report as value, which may be the highest of all."""

    class PruneTheGood(BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return True

    bench.run(
        TabulatedTrainer(lambda c: [0.1 if c == SPACE.baseline() else 0.9] * len(RUNGS)), 4, pruner=PruneTheGood()
    )
    assert bench.states() == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]
    _, recorder = bench.run(TabulatedTrainer(rising), 4)
    assert recorder.heard[0][2] == Standing(4, (1, 0.9), 0.1)
