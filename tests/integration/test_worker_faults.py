"""Workers that die, hang and run out of memory: real processes, real signals."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation
from autotune.search.executors.places import cores
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import TrainingError

from . import faulty
from .faulty import BAD
from .forked import forked_workers  # noqa: F401  # pyright: ignore[reportUnusedImport]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]

GOOD = 7
CONFIGURATIONS = {BAD: Configuration(learning_rate=1e-3), GOOD: Configuration(learning_rate=5e-4)}
Told = list[tuple[int, dict[str, float], bool]]


def told(found: list[Evaluation], trial_id: int) -> Told:
    return [(one.step, dict(one.metrics), one.finished) for one in found if one.trial_id == trial_id]


def alone(recipe: Recipe, trial_id: int) -> Told:
    """What an undisturbed trainer tells of a trial."""
    trainer = PlainTrainer(prepare_study(recipe.file, recipe.base), torch.device("cpu"))
    trainer.admit(trial_id, CONFIGURATIONS[trial_id])
    found: list[Evaluation] = []
    while evaluations := trainer.advance():
        found += evaluations
    return told(found, trial_id)


def run(
    recipe: Recipe, fault: type[Recipe], slots: int = 2, timeout_s: float | None = None
) -> tuple[list[Evaluation], list[str]]:
    """Both trials in one worker; all evaluations and notes."""
    notes: list[str] = []
    found: list[Evaluation] = []
    recipe = replace(faulty.with_fault(fault, recipe), slots=slots)
    places = cores(1 if slots == 2 else 2)
    with ProcessExecutor(places, recipe, notes.append, retries=1, trial_timeout_s=timeout_s) as executor:
        for trial_id, configuration in CONFIGURATIONS.items():
            executor.admit(trial_id, configuration)
        left = set(CONFIGURATIONS)
        while left:
            for evaluation in executor.advance(60):
                found.append(evaluation)
                if evaluation.finished:
                    executor.discard(evaluation.trial_id)
                    left.remove(evaluation.trial_id)
    assert not recipe.store.sizes()
    return found, notes


@pytest.mark.parametrize("slots", [1, 2])
def test_a_killed_worker_is_replaced_and_its_trials_go_on(recipe: Recipe, slots: int) -> None:
    found, notes = run(recipe, faulty.KilledOnce, slots)
    assert [told(found, trial_id) for trial_id in CONFIGURATIONS] == [alone(recipe, key) for key in CONFIGURATIONS]
    (note,) = notes
    assert note.startswith("CPU worker 0: its process was ended by SIGKILL, possibly because memory ran out; ")


def test_a_trial_that_kills_its_workers_fails_alone(recipe: Recipe) -> None:
    found, _ = run(recipe, faulty.AlwaysKilled)
    assert told(found, GOOD) == alone(recipe, GOOD)
    (failed,) = [one for one in found if one.trial_id == BAD]
    assert failed.failure is not None
    assert failed.failure.kind is FailureKind.CRASHED
    assert "SIGKILL" in failed.failure.message
    assert "; 2 attempts failed (search.retries is 1)" in failed.failure.message


def test_a_worker_that_hangs_is_ended_and_frees_the_slot(recipe: Recipe) -> None:
    began = time.monotonic()
    found, _ = run(recipe, faulty.Hanging, timeout_s=4.0)
    assert time.monotonic() - began < 60
    assert told(found, GOOD) == alone(recipe, GOOD)
    last = next(one for one in found if one.trial_id == BAD and one.finished)
    assert last.failure is not None
    assert last.failure.kind is FailureKind.TIMED_OUT
    assert "of at most 4 s (search.trial_timeout)" in last.failure.message


def test_a_worker_that_raises_leaves_the_end_of_its_traceback(recipe: Recipe) -> None:
    found, _ = run(recipe, faulty.Raising)
    assert told(found, GOOD) == alone(recipe, GOOD)
    failure = next(one.failure for one in found if one.trial_id == BAD)
    assert failure is not None
    assert failure.kind is FailureKind.CRASHED
    assert failure.trace.endswith("LookupError: a bug in the worker")


def test_workers_that_do_not_start_end_the_run(recipe: Recipe) -> None:
    with pytest.raises(TrainingError, match=r"CPU worker 0 does not start: .*no such card"):
        run(recipe, faulty.NotStarting)


def test_a_trial_out_of_memory_is_trained_in_halves(recipe: Recipe) -> None:
    training = recipe.file.training.model_copy(update={"dropout": 0.0})
    recipe = replace(recipe, file=recipe.file.model_copy(update={"training": training}))
    found, notes = run(recipe, faulty.ShortOfMemory)
    for trial_id in CONFIGURATIONS:
        expected = alone(recipe, trial_id)
        assert [step for step, _, _ in told(found, trial_id)] == [step for step, _, _ in expected]
        for (_, metrics, _), (_, others, _) in zip(told(found, trial_id), expected, strict=True):
            assert metrics["log_loss"] == pytest.approx(others["log_loss"], rel=1e-3)
    assert sorted(notes) == [
        f"trial {trial_id} ran out of memory: retrying alone, with each batch in two parts"
        for trial_id in CONFIGURATIONS
    ]


def test_a_trial_that_runs_out_of_memory_twice_failed(recipe: Recipe) -> None:
    found, _ = run(recipe, faulty.WithoutMemory)
    assert {one.trial_id: one.failure and one.failure.kind for one in found} == dict.fromkeys(
        CONFIGURATIONS, FailureKind.OUT_OF_MEMORY
    )


def test_a_full_disk_costs_checkpoints_and_nothing_else(recipe: Recipe) -> None:
    recipe = replace(recipe, store=replace(recipe.store, budget_bytes=1000))
    found, notes = run(recipe, faulty.KilledOnce)
    assert [told(found, trial_id) for trial_id in CONFIGURATIONS] == [alone(recipe, key) for key in CONFIGURATIONS]
    assert sum("checkpoints cannot be written" in note for note in notes) == 2  # one in each worker's life


def test_a_state_that_is_asked_for_comes_though_the_worker_dies(recipe: Recipe) -> None:
    """The worker dies before it can hand the state over; the one that takes its place is asked again."""
    notes: list[str] = []
    with ProcessExecutor(cores(1), recipe, notes.append, 2, None) as executor:
        executor.admit(GOOD, CONFIGURATIONS[GOOD])
        found = executor.advance()
        (pid,) = [child.pid for child in multiprocessing.active_children()]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert not recipe.store.sizes()
        executor.evict(GOOD)
        assert list(recipe.store.sizes()) == [GOOD]
        executor.admit(GOOD, CONFIGURATIONS[GOOD])
        while not found[-1].finished:
            found += executor.advance()
    assert len(notes) == 1, "the slot was not freed, and cost a second worker"
    assert told(found, GOOD)[-1] == alone(recipe, GOOD)[-1]


PARENT = """
import multiprocessing, os, signal, sys, threading, time
from pathlib import Path
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.search.executors.places import cores
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.study_file.reading import read_study_file
from autotune.spaces.configuration import Configuration

def interrupt():
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, signal.SIGINT)
        os.kill(worker.pid, signal.SIGTERM)

if __name__ == "__main__":
    base = Path(sys.argv[1])
    recipe = Recipe(read_study_file(base / "study.yaml"), base, CheckpointStore(base / "checkpoints", "test", 10**9), 1)
    with ProcessExecutor(cores(1), recipe, print, 2, None) as executor:
        executor.admit(0, Configuration(learning_rate=1e-3))
        threading.Timer(0.5, interrupt).start()  # it is still importing
        executor.advance()
        print(executor._lanes[0].worker._process.pid, flush=True)
        time.sleep(600)
"""


def test_workers_hear_no_signal_and_do_not_outlive_a_killed_parent(recipe: Recipe, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, script, recipe.base], stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 20
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the worker is an orphan")
        assert parent.stderr.read() == "", "what is killed leaves nothing that Python warns of"
