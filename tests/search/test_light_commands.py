"""Looking at a stored study takes a second or two: nothing that trains is imported for it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from autotune.search.study import open_study
from optuna.samplers import RandomSampler

HEAVY = {"datasets", "pandas", "sklearn", "torch", "transformers"}
WATCHED = """\
import atexit, sys
from autotune.search.cli.main import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""
UNHARMED = """\
import sys
from autotune.search.cli.reporting import report_command
report_command("tiny", None, as_json=True, page=None)
print("sklearn.ensemble" in sys.modules)
from sklearn.ensemble import RandomForestRegressor
print(RandomForestRegressor.__name__)
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def stored(trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of a dozen complete trials, so that importances can be told."""
    place = tmp_path / "stored"
    shutil.copytree(trained_once, place)
    monkeypatch.chdir(place)
    study = open_study("tiny", "sqlite:///autotune.db").study
    like = study.best_trial
    fresh = optuna.create_study(sampler=RandomSampler(seed=0))
    for number in range(12):
        params = fresh.ask(like.distributions).params
        attributes = {**like.user_attrs, "role": None}
        trial = optuna.create_trial(
            params=params, distributions=like.distributions, value=number / 12, user_attrs=attributes
        )
        study.add_trial(trial)
    return place


def started(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "tiny"],
        ["show", "study.yaml", "--json"],
        ["show", "tiny", "--watch"],
        ["report", "tiny"],
        ["report", "tiny", "--html", "report.html"],
        ["copy", "tiny", "--to", "sqlite:///copy.db"],
        ["delete", "tiny", "--yes"],
    ],
    ids=" ".join,
)
def test_looking_at_a_study_imports_nothing_that_trains(stored: Path, arguments: list[str]) -> None:
    imported = set(started(WATCHED, "study", *arguments).stderr.split())
    assert "autotune.search.study" in imported
    assert not HEAVY & imported


def test_a_report_without_scikit_learn_has_the_same_importances(stored: Path) -> None:
    raw = optuna.importance.get_param_importances(open_study("tiny", "sqlite:///autotune.db").study)
    told = json.loads(started(WATCHED, "study", "report", "tiny", "--json").stdout)
    assert told["importance"] == pytest.approx(raw, rel=1e-9)
    assert list(told["importance"].values()) == sorted(raw.values(), reverse=True)


def test_scikit_learn_can_be_imported_after_a_report(stored: Path) -> None:
    *report, before, after = started(UNHARMED).stdout.splitlines()
    assert "importance" in json.loads("\n".join(report))
    assert (before, after) == ("False", "RandomForestRegressor")
