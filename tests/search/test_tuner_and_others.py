"""A tuner beside programs that know nothing of it, such as a dashboard: what they end counts, and is never the best."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.objectives.training.failure import FailureKind
from autotune.search.checkpoints import worth_keeping
from autotune.search.claims import Claims
from autotune.search.roles import BEST_STEP, CONFIGURATION, ENDED_ELSEWHERE
from autotune.search.storage import open_storage
from autotune.search.tuner import Ending
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from .tabulated import RUNGS, SPACE, Bench, Recorder, TabulatedTrainer, rising


@pytest.fixture
def stored(tmp_path: Path) -> Bench:
    return Bench(open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True))


def end(storage: BaseStorage, number: int, value: float = 9.0) -> None:
    """What a program does that takes no lock."""
    storage.set_trial_state_values(
        storage.get_trial_id_from_study_id_trial_number(storage.get_study_id_from_name("bench"), number),
        TrialState.COMPLETE,
        [value],
    )


def ways(recorder: Recorder) -> dict[object, list[str]]:
    """How each trial left, as the observer heard it."""
    heard = recorder.named("completed", "pruned", "failed", "requeued")
    numbers = sorted({event[1] for event in recorder.named("started")}, key=str)
    return {number: [str(event[0]) for event in heard if event[1] == number] for number in numbers}


def at_rung(storage: BaseStorage, which: int, number: int) -> Callable[[int], None]:
    """End that trial while the trainer works towards its rung of that number."""

    def ended(advance: int) -> None:
        if advance == which:
            end(storage, number)

    return ended


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_trial_that_is_ended_while_it_trains_leaves_its_slot_and_the_view(stored: Bench, slots: int) -> None:
    trainer = TabulatedTrainer(rising, slots)
    trainer.on_advance = at_rung(stored.storage, 3, 0)
    ending, recorder = stored.run(trainer, 4)
    assert ending is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 4
    assert ways(recorder) == {0: ["failed"], 1: ["completed"], 2: ["completed"], 3: ["completed"]}
    assert ("failed", 0, ENDED_ELSEWHERE) in recorder.heard


def test_one_that_is_ended_while_another_leaves_was_not_interrupted(stored: Bench) -> None:
    """The tuner meets it where it looks for more trials, before it is told anything of it."""
    trainer = TabulatedTrainer(lambda c: [FailureKind.CRASHED] if c == SPACE.baseline() else rising(c), capacity=2)
    trainer.on_advance = at_rung(stored.storage, 1, 1)
    _, recorder = stored.run(trainer, 4)
    assert ways(recorder)[1] == ["failed"]
    assert ("failed", 1, ENDED_ELSEWHERE) in recorder.heard


def test_one_that_is_ended_at_the_end_of_a_run_is_said_too(stored: Bench) -> None:
    trainer = TabulatedTrainer(rising, 2)

    def fail(advance: int) -> None:
        if advance == 3:
            end(stored.storage, 0)
            raise OSError("the machine is on fire")

    trainer.on_advance = fail
    recorder = Recorder()
    with pytest.raises(OSError, match="on fire"):
        stored.run(trainer, 4, recorder=recorder)
    assert ways(recorder) == {0: ["failed"], 1: ["requeued"]}


@pytest.mark.parametrize("look", range(1, len(RUNGS) + 1))
def test_one_that_is_ended_in_the_moment_before_it_is_written_to(
    stored: Bench, look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_mine, looks = Claims.is_mine, itertools.count(1)

    def slowly(claims: Claims, number: int) -> bool:
        found = is_mine(claims, number)
        if next(looks) == look:
            end(stored.storage, 0)
        return found

    monkeypatch.setattr(Claims, "is_mine", slowly)
    ending, recorder = stored.run(TabulatedTrainer(rising), 2)
    assert ending is Ending.DONE
    assert ways(recorder) == {0: ["failed"], 1: ["completed"]}


@pytest.mark.parametrize("call", ["ask", "tell"])
def test_one_that_is_ended_in_the_moment_when_it_begins_or_ends(
    stored: Bench, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna has another error for each."""
    original, number = getattr(optuna.Study, call), 1

    def slowly(study: optuna.Study, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if call == "tell" and arguments[0].number == number:
            end(stored.storage, number)
        found = original(study, *arguments, **named)
        if call == "ask" and found.number == number:
            end(stored.storage, number)
        return found

    monkeypatch.setattr(optuna.Study, call, slowly)
    ending, recorder = stored.run(TabulatedTrainer(rising), 3)
    assert ending is Ending.DONE
    assert stored.states() == [TrialState.COMPLETE] * 3
    begun = {0: ["completed"], 2: ["completed"]}
    assert ways(recorder) == (begun if call == "ask" else {**begun, number: ["failed"]})


def test_what_others_added_is_never_the_best_and_no_reason_to_lose_a_checkpoint(stored: Bench) -> None:
    stored.study.add_trial(optuna.trial.create_trial(value=9.0))
    _, recorder = stored.run(TabulatedTrainer(rising), 4)
    best = max((trial for trial in stored.study.trials if trial.value != 9.0), key=lambda trial: trial.values[0])
    standing = recorder.named("updated")[-1][1]
    assert standing.best == (best.number, best.value)  # pyright: ignore[reportAttributeAccessIssue]
    assert standing.done == 4  # pyright: ignore[reportAttributeAccessIssue]
    assert {CONFIGURATION, BEST_STEP} <= best.user_attrs.keys()
    assert worth_keeping(stored.study.trials, 1, maximize=True) == {best.number}


def test_a_total_that_was_lowered_below_what_is_done_is_done(stored: Bench) -> None:
    stored.run(TabulatedTrainer(rising), 3)
    assert stored.run(TabulatedTrainer(rising), 2, timeout_s=-1.0)[0] is Ending.DONE
    assert stored.run(TabulatedTrainer(rising), 4, timeout_s=-1.0)[0] is Ending.TIMEOUT
