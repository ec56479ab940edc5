"""The command in processes of its own, on a tiny study; and whether a study is whole afterwards."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
from optuna.trial import TrialState

from .forked import Forked

TOTAL = 6
STUDY = f"""\
name: tiny
data: {{train: reviews.csv, validation: 0.25}}
model: {{encoder: scratch:tiny, max_length: 16}}
tasks:
  sentiment: {{kind: classification}}
  aspect: {{kind: classification, label: aspect}}
space:
  augmentation: {{operations: [noise, mixup]}}
training: {{epochs: 6, batch_size: 8, evaluations_per_epoch: 2, precision: fp32}}
search: {{trials: {TOTAL}, sampler: random, pruner: percentile}}
"""
MAIN = "from autotune.search.cli.main import main; main()"
ENDED = {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}


def start(folder: Path, *arguments: str, script: str | None = None, forks: bool = False) -> subprocess.Popen[str]:
    """`autotune study ARGUMENTS`, forked when all is imported; a script (MAIN is the command) starts from nothing.

    Its workers are spawned, as users have them, or with `forks` forked as well.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if script is None:
        return Forked(folder, environment, ("study", *arguments), forks=forks)
    command = [sys.executable, "-c", script, "study", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def prepared(reviews_csv: Path) -> Path:
    """The folder with the reviews, and now a study file."""
    (reviews_csv.parent / "study.yaml").write_text(STUDY, encoding="utf-8")
    return reviews_csv.parent


def finish(folder: Path, *arguments: str, forks: bool = False) -> str:
    with start(folder, *arguments, forks=forks) as process:
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, ""), out
    return out


def study_in(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name="tiny", storage=f"sqlite:///{folder / 'autotune.db'}")


def check_whole(folder: Path, total: int = TOTAL) -> list[optuna.trial.FrozenTrial]:
    """Every number once, all ended, the file sound."""
    trials = study_in(folder).trials
    assert [trial.number for trial in trials] == list(range(total))
    assert {trial.state for trial in trials} <= ENDED
    connection = sqlite3.connect(folder / "autotune.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return trials


def wait_for(process: subprocess.Popen[str], words: str) -> str:
    """Read what the process prints until a line has these words."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"{words!r} never came: {read}")
