"""Confirm, export, verify: the metric is identical, wherever it is trained; and an interruption is told apart."""

import json
import os
import signal
from pathlib import Path

import pytest
from autotune.search.export.best_file import read_best

from ..search.conftest import STUDY, Command, autotune, trained, trained_once
from .commands import wait_for
from .forked import Forked, forked_workers

__all__ = ["autotune", "forked_workers", "trained", "trained_once"]


@pytest.mark.slow
@pytest.mark.usefixtures("forked_workers")
def test_a_confirmed_export_is_verified_to_the_last_digit(trained: Path, autotune: Command) -> None:
    options = ("--executor", "inline", "--devices", "cpu", "--seeds", "2", "--candidates", "1", "--no-ablate")
    assert autotune("study", "confirm", "study.yaml", *options).code == 0
    outcome = autotune("study", "export", "study.yaml")
    assert outcome.code == 0
    assert "the confirmed winner is" in outcome.out
    best = read_best(trained / "best.yaml")
    assert best.confirmed is not None
    assert autotune("study", "export", "study.yaml", "--format", "json", "-o", "best.json").code == 0
    again = read_best(trained / "best.json")
    assert again.model_copy(update={"commands": best.commands}) == best
    for place in (
        ("--executor", "inline", "--devices", "cpu"),
        ("--devices", "cpu:2"),
        ("--seeds", "1", "--devices", "cpu:1"),
    ):
        outcome = autotune("verify", "best.yaml", "--json", *place)
        found = json.loads(outcome.out)
        assert found["identical"] is True, place
        assert {
            int(seed): each["measured"] for seed, each in found["seeds"].items()
        }.items() <= best.confirmed.scores.items()
        assert (outcome.code, found["kept"]) == (0, True)


@pytest.mark.slow
def test_folds_are_verified_too(reviews_csv: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reviews_csv.parent)
    text = STUDY.replace("validation: 0.25", "validation: {folds: 3}").replace("trials: 4", "trials: 2")
    Path("study.yaml").write_text(text, encoding="utf-8")
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0
    assert autotune("study", "export", "study.yaml").code == 0
    outcome = autotune("verify", "best.yaml", "--executor", "inline", "--devices", "cpu")
    assert outcome.code == 0, outcome.out
    assert "identical to the stored score" in outcome.out


@pytest.mark.slow
def test_an_interruption_is_130(trained: Path, autotune: Command) -> None:
    assert autotune("study", "export", "study.yaml").code == 0
    content = Path("best.yaml").read_text(encoding="utf-8").replace("epochs: 2", "epochs: 1000")
    digest = next(line for line in content.splitlines() if line.startswith("digest: "))
    Path("best.yaml").write_text(content, encoding="utf-8")
    measured = read_best(trained / "best.yaml").content_digest()
    Path("best.yaml").write_text(content.replace(digest, f"digest: {measured}"), encoding="utf-8")
    command = ("verify", "best.yaml", "--devices", "cpu:1")
    with Forked(trained, {**os.environ, "PYTHONUNBUFFERED": "1"}, command, forks=True) as process:
        wait_for(process, "training again on seed 0")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (
        130,
        "interrupted: nothing is kept; --seeds N trains on the first N seeds only\n",
    )
    assert "stopping soon; press Ctrl-C again to stop now" in out
