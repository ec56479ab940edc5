"""A `create` that is killed, a run that is interrupted, and runs that share a study end at exactly the total."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from .commands import check_whole, finish, start, study_in, wait_for


@pytest.mark.slow
def test_create_killed_at_any_moment(folder: Path) -> None:
    """The moments follow the database's birth closely, where the study is half made."""
    moments = random.Random(1)
    for _ in range(4):
        for left in folder.glob("autotune.db*"):
            left.unlink()
        with start(folder, "create", "study.yaml") as process:
            while process.poll() is None and not (folder / "autotune.db").exists():
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.4))
            process.kill()
            process.communicate(timeout=60)
        with start(folder, "create", "study.yaml") as process:
            _, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        assert process.returncode == 0 or "the study 'tiny' exists already" in err
        study = study_in(folder)
        assert (study.user_attrs["ready"], len(study.trials)) == (True, 2)
    finish(folder, "run", "study.yaml")
    check_whole(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ([signal.SIGINT], "stopping after this rung"),
        ([signal.SIGTERM], "stopping after this rung"),
        ([signal.SIGINT, signal.SIGINT], "interrupted; resume with"),
    ],
)
def test_a_signal_ends_a_run_cleanly(folder: Path, signals: list[signal.Signals], words: str) -> None:
    with start(folder, "run", "study.yaml", "--slots", "2") as process:
        wait_for(process, "trial 1 (equal weights) started")
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert words in out
    assert "interrupted; resume with: autotune study run study.yaml" in out
    assert TrialState.RUNNING not in {trial.state for trial in study_in(folder).trials}
    finish(folder, "run", "tiny")
    check_whole(folder)


@pytest.mark.slow
def test_two_runs_at_once_and_the_dashboard(folder: Path, unused_port: Callable[[], int]) -> None:
    """The second run joins; plain Optuna's dashboard looks on; the total holds."""
    import json
    import urllib.request

    dashboard = pytest.importorskip("optuna_dashboard")
    assert dashboard
    finish(folder, "create", "study.yaml")
    port = unused_port()
    script = (
        f"from optuna_dashboard import run_server\nrun_server('sqlite:///autotune.db', host='127.0.0.1', port={port})"
    )
    with start(folder, "run", "tiny", "--trials", "8") as process:
        wait_for(process, "started")
        joined = start(folder, "run", "tiny", "--trials", "8")
        quiet = subprocess.DEVNULL
        server = subprocess.Popen([sys.executable, "-c", script], cwd=folder, stdout=quiet, stderr=quiet)
        try:
            studies: Any = None
            while server.poll() is None:  # until it answers, which takes its imports' time; pytest ends what never does
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=5) as answer:
                        studies = json.load(answer)
                    break
                except OSError:
                    time.sleep(0.2)
            assert [study["study_name"] for study in studies["study_summaries"]] == ["tiny"]
            number = studies["study_summaries"][0]["study_id"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies/{number}", timeout=20) as answer:
                assert json.load(answer)["trials"]
            out, err = process.communicate(timeout=240)
            assert (joined.communicate(timeout=240)[1], joined.returncode) == ("", 0)
        finally:
            server.terminate()
            server.wait(timeout=20)
    assert (process.returncode, err) == (0, ""), out
    check_whole(folder, 8)


@pytest.fixture
def unused_port() -> Callable[[], int]:
    import socket

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find
