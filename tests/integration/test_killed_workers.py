"""Runs over worker processes that are killed, with their tuner or without, at random moments; and pre-emption."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation
from autotune.search.checkpoints import checkpoint_store
from autotune.search.preparing import prepare_study
from autotune.search.study import open_study
from autotune.spaces.configuration import Configuration
from optuna.trial import FrozenTrial, TrialState

from .commands import check_whole, finish, start, study_in, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ON_TWO_CORES = ("--executor", "process", "--devices", "cpu:2")
TOTAL = 40
ROUNDS = ["worker", "tuner", "worker", "both"] * 5


def workers_of(parent: int) -> list[int]:
    """The worker processes of a tuner."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, its_parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            if int(its_parent) == parent and state not in "ZX":
                found.append(int(folder.name))
    return found


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def retrained(folder: Path, trial: FrozenTrial) -> dict[int, float]:
    """The trial's values by step, as an undisturbed trainer finds them."""
    record = open_study("tiny", f"sqlite:///{folder / 'autotune.db'}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trainer = PlainTrainer(prepare_study(record.file, folder), torch.device("cpu"))
        trainer.admit(0, Configuration.model_validate(trial.user_attrs["configuration"]))
        found: list[Evaluation] = []
        while evaluations := trainer.advance():
            found += evaluations
    finally:
        torch.set_num_threads(threads)
        record.storage.engine.dispose()
    return {evaluation.step: evaluation.metrics["accuracy"] for evaluation in found}


def test_twenty_kills_of_workers_of_tuners_and_of_both(folder: Path) -> None:
    """Workers as forks, so that kills hit training and not only imports."""
    moments = random.Random(5)
    run = ("run", "study.yaml", "--trials", str(TOTAL), *ON_TWO_CORES)
    process = start(folder, *run, forks=True)
    kills = 0
    for victim in ROUNDS:
        deadline = time.monotonic() + 60
        while not (workers := workers_of(process.pid)) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is not None:
            break  # all trials are done
        time.sleep(moments.uniform(0, 2))
        workers = workers_of(process.pid) or workers
        if victim != "worker":
            process.kill()
            process.communicate(timeout=60)
        if victim != "tuner":
            kill(moments.choice(workers))
        kills += 1
        if victim != "worker":
            process = start(folder, *run, forks=True)
    process.communicate(timeout=600)
    assert kills >= 10
    finish(folder, *run, forks=True)
    trials = check_whole(folder, TOTAL)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = max(complete, key=lambda trial: trial.value or 0.0)
    for trial in (complete[0], best):
        assert trial.intermediate_values == retrained(folder, trial)
    assert all(trial.user_attrs["failure"]["kind"] == "crashed" for trial in trials if trial.state is TrialState.FAIL)


@pytest.mark.parametrize("where", [("--executor", "inline"), ON_TWO_CORES])
def test_pre_emption_leaves_checkpoints_and_the_next_run_goes_on(folder: Path, where: tuple[str, ...]) -> None:
    with start(folder, "run", "study.yaml", *where) as process:
        wait_for(process, "step ")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (130, ""), out
    record = open_study("tiny", f"sqlite:///{folder / 'autotune.db'}")
    waiting = [t for t in study_in(folder).trials if t.state is TrialState.WAITING and t.intermediate_values]
    assert waiting
    store = checkpoint_store(record)
    for trial in waiting:
        configuration = Configuration.model_validate(trial.user_attrs["configuration"])
        checkpoint = store.load(trial.number, configuration)
        assert checkpoint is not None
        assert checkpoint.step == max(trial.intermediate_values)
    record.storage.engine.dispose()
    finish(folder, "run", "tiny", *where, forks=True)
    trials = check_whole(folder)
    first = trials[waiting[0].number]
    assert first.intermediate_values == retrained(folder, first)
    best = max((t for t in trials if t.state is TrialState.COMPLETE), key=lambda trial: (trial.value, -trial.number))
    assert len(store.sizes()) == 1
    assert trials[next(iter(store.sizes()))].value == best.value
