"""Twelve times kill -9 in one study, and runs that share one: in the end it is as if nothing had happened."""

import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from autotune.search.claims import GRACE_S
from optuna.trial import TrialState

from .commands import MAIN, STUDY, check_whole, finish, start, study_in, wait_for

pytestmark = pytest.mark.slow

TOTAL = 16
ROUNDS = 12
# A grid is queued when the study is made: the trials are the same however often the tuner begins anew. Kills may
# hit one trial again and again before its first rung, which is no reason to give it up here.
GRID = STUDY.replace("trials: 6, sampler: random, pruner: percentile", (
    f"trials: {TOTAL}, sampler: grid, pruner: none, retries: 100, "
    "grid: {levels: 14, over: [learning_rate]}"
))  # fmt: skip
RUN = ("run", "study.yaml", "--executor", "inline")

Undisturbed = Callable[[Path], dict[int, tuple[object, ...]]]


@pytest.fixture
def grid(folder: Path) -> Path:
    assert GRID != STUDY
    (folder / "study.yaml").write_text(GRID, encoding="utf-8")
    return folder


def found(folder: Path) -> dict[int, tuple[object, ...]]:
    """What each trial measured."""
    trials = check_whole(folder, TOTAL)
    return {t.number: (t.state, t.values, t.params, t.intermediate_values) for t in trials}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What the trials measure in a run of the same study, of the same rows, that nobody disturbs; found once."""
    whole = tmp_path_factory.mktemp("whole")

    def find(folder: Path) -> dict[int, tuple[object, ...]]:
        if not (whole / "study.yaml").exists():
            for name in ("study.yaml", "reviews.csv"):
                (whole / name).write_bytes((folder / name).read_bytes())
            finish(whole, *RUN)
        return found(whole)

    return find


def ended(told: str) -> list[str]:
    """The numbers of the trials that were said to be over."""
    return re.findall(r"^trial (\d+) (?:complete|pruned|failed)", told, flags=re.MULTILINE)


@pytest.mark.timeout(1200)
def test_twelve_kills_and_the_study_is_that_of_an_undisturbed_run(grid: Path, undisturbed: Undisturbed) -> None:
    """Half of the kills hit the training, the others any moment from the first import, or the first line, on."""
    moments = random.Random(5)
    told = Counter[str]()
    for place in range(ROUNDS):
        script = None if place % 4 else MAIN
        processes = [start(grid, *RUN, script=script) for _ in range(2 if place % 5 == 4 else 1)]
        begun = wait_for(processes[0], "started") if place % 2 else ""
        time.sleep(moments.uniform(0, 5.0 if script else 0.7))
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            out, err = process.communicate(timeout=60)
            assert (process.returncode, err) == (-signal.SIGKILL, "")
            told.update(ended(out))
        told.update(ended(begun))
    told.update(ended(finish(grid, *RUN)))

    assert not [number for number, times in told.items() if times > 1]
    disturbed = found(grid)
    assert {state for state, *_ in disturbed.values()} == {TrialState.COMPLETE}
    assert "nothing to do" in finish(grid, *RUN)
    assert f"of {TOTAL} in all" in finish(grid, "report", "tiny")
    assert disturbed == undisturbed(grid)


@pytest.mark.timeout(600)
def test_of_two_runs_one_is_killed_while_plain_optuna_reads(grid: Path, undisturbed: Undisturbed) -> None:
    """The survivor takes over at once, without waiting for a heart to stop; a reader is never refused."""
    finish(grid, "create", "study.yaml")
    errors: list[Exception] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                assert len(study_in(grid).trials) <= TOTAL
            except (AssertionError, optuna.exceptions.StorageInternalError) as error:
                errors.append(error)
            time.sleep(0.2)  # two cores are shared with what is tested

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with start(grid, *RUN) as survivor, start(grid, *RUN) as victim:
            wait_for(survivor, "started")
            told = wait_for(victim, "started")
            victim.send_signal(signal.SIGKILL)
            killed = datetime.now()
            told += victim.communicate(timeout=60)[0]
            out, err = survivor.communicate(timeout=300)
        assert (survivor.returncode, err) == (0, ""), out
    finally:
        over.set()
        reader.join()
    assert not errors
    [orphan] = set(re.findall(r"trial (\d+).* started", told)) - set(ended(told))
    assert re.search(rf"^trial {orphan}.* complete", out, flags=re.MULTILINE)
    taken_over = study_in(grid).trials[int(orphan)].datetime_start
    assert taken_over is not None
    assert 0 < (taken_over - killed).total_seconds() < GRACE_S / 2
    assert not set(ended(told)) & set(ended(out))
    assert found(grid) == undisturbed(grid)
