"""`autotune train`: what its options change, and what it refuses."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from autotune.objectives.training.weighting.registry import WEIGHTINGS
from autotune.search.cli.progress import watched
from autotune.search.production import model_folder
from autotune.search.production.model_card import ModelCard
from safetensors import SafetensorError

from ..integration.production import write_best

Command = Callable[..., Any]
SHORT = {"epochs": 1, "batch_size": 8, "precision": "fp32", "dropout": 0.0}


@pytest.fixture
def here(reviews_csv: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(reviews_csv.parent)
    return reviews_csv.parent


def validation(folder: str) -> dict[str, float]:
    return json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8"))["validation"]


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["static", "random", "dwa", "uncertainty"])
def test_micro_batches_train_the_same_and_it_is_said_which_stay_whole(
    here: Path, autotune: Command, weighting: str
) -> None:
    write_best(here, training={**SHORT, "weighting": weighting})
    assert autotune("train", "best.yaml", "-o", "whole", "--devices", "cpu").code == 0
    outcome = autotune("train", "best.yaml", "-o", "parts", "--devices", "cpu", "--micro-batch", "3")
    assert (outcome.code, outcome.err) == (0, "")
    told = f"--micro-batch: weighting {weighting!r} needs whole batches, so batches are not split" in outcome.out
    assert told is not WEIGHTINGS[weighting].splits
    assert validation("parts") == pytest.approx(validation("whole"), abs=1e-5)


def test_with_the_main_task_alone_there_is_nothing_to_balance_and_batches_split(here: Path, autotune: Command) -> None:
    write_best(here, training={**SHORT, "weighting": "dwa"}, ratios={})
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu", "--micro-batch", "3")
    assert (outcome.code, outcome.err) == (0, "")
    assert "stay whole" not in outcome.out


def test_memory_that_runs_out_is_said_with_what_helps(
    here: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand more")

    write_best(here, training=SHORT)
    monkeypatch.setattr(torch.Tensor, "backward", full)
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert outcome.code == 1
    assert outcome.err == (
        "out of memory with 8 rows at once; try --micro-batch 4, which gives the same result "
        "(CUDA out of memory. Tried to allocate 2 GiB)\n"
    )
    write_best(here, training={**SHORT, "weighting": "dwa"})
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert outcome.err.startswith("out of memory with 8 rows at once, the minimum; it needs a larger device")


def test_fewer_rows_than_one_are_refused(here: Path, autotune: Command) -> None:
    write_best(here)
    outcome = autotune("train", "best.yaml", "-o", "model", "--micro-batch", "0")
    assert outcome.code == 2
    assert "--micro-batch" in outcome.err
    assert not Path("model").exists()


def test_a_group_whose_others_cannot_be_reached_is_said(
    here: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_best(here)
    for name, value in {"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert outcome.code == 2
    assert "cannot connect to each other (RANK=x, WORLD_SIZE=2" in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (SafetensorError("I/O error: No space left on device\nmore"), "I/O error: No space left on device"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "Permission denied"),
    ],
)
def test_a_model_that_cannot_be_written_is_a_failure_after_which_the_same_command_goes_on(
    here: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise error

    write_best(here, training=SHORT)
    command = ("train", "best.yaml", "-o", "model", "--devices", "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(model_folder, "save_model", refused)
        outcome = autotune(*command)
    assert outcome.code == 1
    assert outcome.err == (
        f"--output: 'model' cannot be written: {reason}; the training's last saved state is kept: fix this, and the "
        "same command resumes from it\n"
    )
    outcome = autotune(*command)
    assert (outcome.code, outcome.err) == (0, "")
    assert "resuming from step" in outcome.out
    assert not Path(".model.training").exists()


def test_a_folder_that_filled_meanwhile_costs_no_training(
    here: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def filled(_: object) -> str:
        Path("model").mkdir()
        Path("model", "mine").touch()
        return ""

    write_best(here, training=SHORT)
    with monkeypatch.context() as patch:
        patch.setattr(ModelCard, "text", filled)
        outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert outcome.code == 1
    assert "Directory not empty; the training's last saved state is kept" in outcome.err
    assert Path(".model.training").is_dir()


def test_without_a_terminal_each_score_stands_beside_the_step_that_it_was_measured_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with watched("rmse") as progress:
        for step in range(1, 41):
            progress(step, 40, {"rmse": 2 - step / 100} if step in (10, 11, 40) else {})
    assert capsys.readouterr().out.splitlines() == [
        "step 4/40",
        "step 8/40",
        "step 10/40 rmse 1.9000",
        "step 11/40 rmse 1.8900",
        *(f"step {step}/40" for step in range(12, 40, 4)),
        "step 40/40 rmse 1.6000",
    ]
