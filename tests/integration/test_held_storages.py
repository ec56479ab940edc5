"""A study whose SQLite file, or whose claims, another process holds: a night's run waits, and loses nothing."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
import pytest
from autotune.search.claims import Claims
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.report.live import PlainLines
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage, storage_errors, timeouts
from autotune.search.tuner import Budget, Ending, Tuner
from autotune.spaces.errors import AutotuneError, StorageError, StudyHeld
from optuna.trial import TrialState
from rich.console import Console

from .commands import check_whole, finish, start, wait_for
from .stepping import SPACE, SteppingTrainer

FILE = """
import sqlite3, sys, time
url, seconds = sys.argv[1], float(sys.argv[2])
connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(seconds)
connection.execute("ROLLBACK")
"""
CLAIMS = """
import sys, time
from autotune.search.locking import claiming
url, seconds, name = sys.argv[1], float(sys.argv[2]), sys.argv[3]
with claiming(name, url):
    print("held", flush=True)
    time.sleep(seconds)
"""


@contextmanager
def held(script: str, url: str, seconds: float, name: str = "shared") -> Generator[None]:
    """Another process holds it for so long from now on."""
    command = [sys.executable, "-c", script, url, str(seconds), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        wait_for(process, "held")
        yield
        assert process.wait(timeout=seconds + 60) == 0


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study `shared` in a file for which a statement waits a fifth of a second, not a minute."""
    monkeypatch.setattr(timeouts, "RUNNING_S", 0.2)
    made = f"sqlite:///{tmp_path / 'studies.db'}"
    optuna.create_study(study_name="shared", storage=open_storage(made, create=True), direction="maximize")
    return made


def run(url: str, total: int, on_advance: Callable[[int], None], told: io.StringIO | None = None) -> Ending:
    opened = open_storage(url, create=False)
    study = optuna.load_study(study_name="shared", storage=opened, sampler=optuna.samplers.RandomSampler())
    observer, scoring = PlainLines(Console(file=told or io.StringIO()), is_race=True), Scoring(["accuracy"])
    claims = Claims(study, opened, url, interval_s=0.5, grace_s=3.0)  # this process lives on after a failed run
    with storage_errors(url, timeouts.RECONNECT_S), InlineExecutor(SteppingTrainer(on_advance)) as executor:
        return Tuner(claims, SPACE, executor, observer, scoring, 3, Budget()).run(total, Interruption())


def states(url: str) -> list[TrialState]:
    return [trial.state for trial in optuna.load_study(study_name="shared", storage=url).trials]


@pytest.mark.slow
@pytest.mark.parametrize("script", [FILE, CLAIMS], ids=["file", "claims"])
def test_what_is_held_for_longer_than_one_statement_waits(url: str, script: str) -> None:
    with ExitStack() as holders:

        def hold(advance: int) -> None:
            if advance == 4:
                holders.enter_context(held(script, url, 2.0))

        begun = time.monotonic()
        told = io.StringIO()
        assert run(url, 4, hold, told) is Ending.DONE
        assert time.monotonic() - begun > 2.0
    assert states(url) == [TrialState.COMPLETE] * 4
    lines = [line for line in told.getvalue().splitlines() if "the storage" in line]
    assert [line.split("the storage")[0] for line in lines] == ["waiting for ", ""]
    assert lines[0].startswith("waiting for the storage, for up to 300 s: ")
    assert "held by another process" in lines[0] or "another process holds it" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (FILE, StorageError, "another process holds it and did not release it for 1 seconds"),
        (CLAIMS, StudyHeld, "the trials of 'shared' are held by another process, which does not release them"),
    ],
    ids=["file", "claims"],
)
def test_what_is_never_let_go_ends_the_run_in_words_and_the_next_run_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch, script: str, error: type[AutotuneError], words: str
) -> None:
    from autotune.search.tuner import loop

    monkeypatch.setattr(timeouts, "RECONNECT_S", 1.0)
    monkeypatch.setattr(loop, "_PARTING_S", 0.1)
    with ExitStack() as holders:

        def hold(advance: int) -> None:
            if advance == 4:
                holders.enter_context(held(script, url, 4.0))

        with pytest.raises(error, match=words):
            run(url, 4, hold)
    assert run(url, 4, lambda _: None) is Ending.DONE
    assert states(url) == [TrialState.COMPLETE] * 4


@pytest.mark.slow
@pytest.mark.parametrize("script", [FILE, CLAIMS], ids=["file", "claims"])
def test_held_for_half_a_minute_in_mid_study(folder: Path, script: str) -> None:
    database = f"sqlite:///{folder / 'autotune.db'}"
    with start(folder, "run", "study.yaml") as process:
        wait_for(process, "trial 2 started")
        with held(script, database, 30.0, "tiny"):
            pass
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, ""), out
    check_whole(folder)
    assert "nothing to do" in finish(folder, "run", "tiny")
