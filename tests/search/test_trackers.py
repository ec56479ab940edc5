"""TensorBoard, MLflow and W&B hear of a real training; nothing leaves the machine."""

import os
import sqlite3
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.training.trainer import Evaluation
from autotune.search.production.trackers import Trackers, tracker_names
from autotune.spaces.errors import InputError

Command = Callable[..., Any]
PARAMETERS = {"seed": 0, "encoder": "scratch:tiny"}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The trackers' own switches for staying on this machine."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)


def evaluation(step: int) -> Evaluation:
    return Evaluation(0, step, {"accuracy": step / 10, "log_loss": float("nan")}, losses={"sentiment": 1 / step})


def told(name: str, folder: Path) -> None:
    """A life of three evaluations, of which the last was never saved; then a second life from step 2 on."""
    first = Trackers([name], folder, PARAMETERS)
    runs = first.begin(0, {})
    for step in (1, 2, 3):
        first.hear(evaluation(step), 0.1 / step)
    first.end()
    second = Trackers([name], folder, PARAMETERS)
    assert second.begin(2, runs) == runs
    for step in (3, 4):
        second.hear(evaluation(step), 0.1 / step)
    second.end()


def test_tensorboard_has_the_course_once(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install 'autotune-mtl[tensorboard]'")
    told("tensorboard", tmp_path / "model")
    accumulator = import_module("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path / "runs" / "model")).Reload()
    assert set(events.Tags()["scalars"]) == {"eval/accuracy", "train/loss_sentiment", "train/learning_rate"}
    assert [event.step for event in events.Scalars("eval/accuracy")] == [1, 2, 3, 4]
    assert [event.value for event in events.Scalars("eval/accuracy")] == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its own
def test_mlflow_has_one_run(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install 'autotune-mtl[mlflow]'")
    told("mlflow", tmp_path / "model")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        runs = database.execute("SELECT name, status FROM runs").fetchall()
        values = database.execute(
            "SELECT step, value FROM metrics WHERE key = 'eval_accuracy' ORDER BY step"
        ).fetchall()
        parameters = dict(database.execute("SELECT key, value FROM params").fetchall())
    database.close()
    assert runs == [("model", "FINISHED")]
    assert sorted(set(values)) == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]
    assert parameters == {"seed": "0", "encoder": "scratch:tiny"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its own
def test_wandb_writes_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed: pip install 'autotune-mtl[wandb]'")
    told("wandb", tmp_path / "model")
    lives = list((tmp_path / "wandb").glob("offline-run-*"))
    assert len(lives) == 2
    assert len({life.name.rpartition("-")[2] for life in lives}) == 1


@pytest.mark.parametrize(
    ("given", "names"),
    [([], []), (["tensorboard"], ["tensorboard"]), (["mlflow, tensorboard", "mlflow"], ["mlflow", "tensorboard"])],
)
def test_trackers_are_named_once(given: list[str], names: list[str]) -> None:
    for name in names:
        pytest.importorskip(name)
    assert tracker_names(given) == names


@pytest.mark.slow
def test_a_tracker_that_is_none(trained: Path, autotune: Command) -> None:
    assert autotune("study", "export", "study.yaml").code == 0
    outcome = autotune("train", "best.yaml", "-o", "model", "--report-to", "tensorbord")
    assert (outcome.code, outcome.err) == (2, "--report-to: 'tensorbord' is none of tensorboard, mlflow, wandb\n")
    assert not (trained / "model").exists()


def test_a_tracker_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotune.search.production.trackers.find_spec", lambda _: None)
    with pytest.raises(InputError, match="mlflow is not installed: pip install mlflow-skinny"):
        tracker_names(["mlflow"])


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_tracker_that_cannot_be_reached_is_said_before_anything_is_trained(
    trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.chdir(trained)
    assert autotune("study", "export", "study.yaml").code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nowhere/mlflow.db")
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu", "--report-to", "mlflow")
    assert outcome.code == 2
    assert "--report-to: mlflow: " in outcome.err
    assert "step 1/" not in outcome.out
    assert not (trained / "model").exists()


@pytest.mark.slow
def test_the_command_reports_what_it_trains(trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(trained)
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(trained / "board"))
    assert autotune("study", "export", "study.yaml").code == 0
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu", "--report-to", "tensorboard")
    assert (outcome.code, outcome.err) == (0, "")
    accumulator = import_module("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(trained / "board")).Reload()
    assert "eval/accuracy" in events.Tags()["scalars"]
    assert not any(os.scandir(trained / "runs")) if (trained / "runs").exists() else True
