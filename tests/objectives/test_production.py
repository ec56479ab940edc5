"""Production training: the best evaluation's weights, all data, and a folder that transformers opens."""

import csv
import errno
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective, TaskRows
from autotune.objectives.training import evaluating
from autotune.objectives.training.evaluating import evaluate
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.production import Trained, train_production
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.whole import TestedRun
from autotune.spaces.configuration import Configuration, Mix, SettingValue
from autotune.spaces.training import Precision
from safetensors.torch import load_file
from transformers import pipeline

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")
MAIN_ALONE = {"sentiment": {"kind": "classification"}}
WILD = Configuration(learning_rate=3e-2, training={"schedule": "constant"})
"""So fast that evaluations go up and down."""


def trained(prepared: PreparedObjective, configuration: Configuration) -> Trained:
    return train_production(prepared, configuration, CPU, lambda *_: None, keep_best=True)


def evaluations(prepared: PreparedObjective, configuration: Configuration) -> dict[int, Mapping[str, float]]:
    run, found = TrainingRun(0, configuration, prepared, CPU), dict[int, Mapping[str, float]]()
    while not run.finished:
        evaluation = run.advance()
        found[evaluation.step] = evaluation.metrics
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "seed", "rate"), [("log_loss", 0, 3e-2), ("accuracy", 0, 5e-3)])
def test_the_weights_are_those_of_the_best_evaluation(objective: Objectives, metric: str, seed: int, rate: float):
    prepared = objective(tasks=MAIN_ALONE, objective=f"sentiment.{metric}", training={"epochs": 6}, seed=seed)
    wild = WILD.model_copy(update={"learning_rate": rate})
    course = evaluations(prepared, wild)
    # Of equals the later one counts.
    best = (min if metric == "log_loss" else max)(sorted(course, reverse=True), key=lambda step: course[step][metric])
    assert best != max(course)  # else the test would not tell the best from the last
    done = trained(prepared, wild)
    assert done.step == best
    assert done.validation == pytest.approx(dict(course[best]), abs=1e-6)
    assert done.validation == evaluate(done.run.model, prepared.validation, prepared, CPU, "fp32")


@pytest.mark.slow
def test_the_kept_weights_are_measured_in_fp32_whatever_they_were_trained_in(objective: Objectives):
    """As whoever opens the exported model will compute; they are chosen as the search chose."""
    training = {"epochs": 2, "precision": "bf16"}
    prepared = objective(tasks=MAIN_ALONE, objective="sentiment.log_loss", training=training)
    course = evaluations(prepared, Configuration(learning_rate=1e-3))
    done = trained(prepared, Configuration(learning_rate=1e-3))
    assert done.step == min(sorted(course, reverse=True), key=lambda step: course[step]["log_loss"])
    assert done.validation == evaluate(done.run.model, prepared.validation, prepared, CPU, "fp32")
    assert done.validation["log_loss"] != course[done.step]["log_loss"]


@pytest.mark.slow
@pytest.mark.parametrize("training", [{}, {"early_stopping": 1}])
def test_with_all_data_the_last_weights_count_and_nothing_is_claimed(
    objective: Objectives, training: dict[str, SettingValue]
):
    """Nor does it stop early: rows that are trained on say nothing of when to."""
    prepared = objective(tasks=MAIN_ALONE, training={"epochs": 6}, all_data=True)
    assert len(prepared.main.tokens) == 48
    told: list[Mapping[str, float]] = []
    wild = WILD.model_copy(update={"training": {**WILD.training, **training}})
    done = train_production(prepared, wild, CPU, lambda *given: told.append(given[2]), keep_best=False)
    assert done.step == prepared.steps_per_epoch * 6
    assert done.validation == {}
    assert not any(told)


def test_progress_hears_every_step_once_trained_and_the_metrics_of_each_rung(objective: Objectives):
    prepared = objective(tasks=MAIN_ALONE)
    heard: list[tuple[int, int, bool]] = []
    train_production(
        prepared,
        Configuration(learning_rate=1e-3),
        CPU,
        lambda step, total, metrics: heard.append((step, total, bool(metrics))),
        keep_best=True,
    )
    rungs = prepared.rungs(prepared.settings.training)
    assert heard == [(step, 10, step in rungs) for step in range(1, 11)]


def test_test_rows_are_measured_by_the_kept_weights(objective: Objectives, tmp_path: Path):
    test = tmp_path / "test.csv"
    test.write_text("text,label\nThe battery is superb.,positive\nThe price is awful.,negative\nA good one,positive\n")
    prepared = objective(tasks=MAIN_ALONE, data={"test": str(test)})
    done = trained(prepared, Configuration(learning_rate=3e-3))
    assert prepared.test is not None
    assert done.test == evaluate(done.run.model, prepared.test, prepared, CPU, "fp32")
    assert trained(objective(tasks=MAIN_ALONE), Configuration(learning_rate=3e-3)).test == {}


def test_a_training_for_the_test_measures_validation_only_to_choose(
    objective: Objectives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    test = tmp_path / "test.csv"
    test.write_text("text,label\nThe battery is superb.,positive\nThe price is awful.,negative\nA good one,positive\n")
    prepared = objective(tasks=MAIN_ALONE, data={"test": str(test)}, training={"epochs": 2})
    configuration, predicted, real = Configuration(learning_rate=3e-3), list[int](), evaluating.predict
    known = trained(prepared, configuration)

    def predict(
        model: MultiTaskModel, rows: TaskRows, own: PreparedObjective, device: torch.device, precision: Precision
    ) -> torch.Tensor:
        predicted.append(len(rows.tokens))
        return real(model, rows, own, device, precision)

    monkeypatch.setattr(evaluating, "predict", predict)
    found = TestedRun(0, configuration, prepared, CPU, parts=1).advance()
    assert (found.step, found.metrics) == (known.step, known.test)
    rungs = len(prepared.rungs(prepared.training_of(configuration)))
    assert predicted == [len(prepared.validation.tokens)] * rungs + [3]


@pytest.mark.slow
def test_the_folder_predicts_with_the_label_names(objective: Objectives, tmp_path: Path):
    prepared = objective(training={"epochs": 12}, augmentation={"operations": ["noise"], "magnitude": 0.1})
    mix = Mix(operations={"noise": 0.2}, magnitude=0.1)
    done = trained(prepared, Configuration(learning_rate=3e-3, ratios={"words": 0.1}, mix=mix))
    save_model(done, prepared, tmp_path / "new" / "model", {}, tmp_path)
    classify = pipeline("text-classification", model=str(tmp_path / "new" / "model"), device="cpu")
    rows = prepared.corpus.train["sentiment"]
    guesses = [found["label"] for found in classify(rows.column("text"))]
    assert set(guesses) == {"positive", "negative"}
    assert sum(map(str.__eq__, guesses, rows.column("label"))) > 0.9 * len(guesses)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model"]


def test_saving_into_an_empty_folder_and_twice_the_same(objective: Objectives, tmp_path: Path):
    prepared = objective()
    done = trained(prepared, Configuration(learning_rate=1e-3, ratios={"words": 1.0}))
    (tmp_path / "one").mkdir()
    for name in ("one", "two"):
        save_model(done, prepared, tmp_path / name, {}, tmp_path)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_folder_that_is_not_empty_is_left_as_it_is(objective: Objectives, tmp_path: Path):
    prepared = objective(tasks=MAIN_ALONE)
    done = trained(prepared, Configuration(learning_rate=1e-3))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"):
        save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "notes.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["model", "."])
def test_a_link_and_the_working_folder_are_filled(
    objective: Objectives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
):
    prepared = objective(tasks=MAIN_ALONE)
    done = trained(prepared, Configuration(learning_rate=1e-3))
    (tmp_path / "empty").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "model").symlink_to("empty")
    monkeypatch.chdir(tmp_path / "empty" if target == "." else tmp_path)
    save_model(done, prepared, Path(target), {"notes.txt": "mine"}, tmp_path / "work")
    assert {"config.json", "model.safetensors", "notes.txt"} < {file.name for file in (tmp_path / "empty").iterdir()}
    assert not list((tmp_path / "work").iterdir())


def test_a_folder_that_cannot_be_filled_is_left_empty(
    objective: Objectives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prepared = objective(tasks=MAIN_ALONE)
    done = trained(prepared, Configuration(learning_rate=1e-3))
    (tmp_path / "model").mkdir()
    move = shutil.move

    def full(file: Path, place: Path) -> None:
        if file.name == "config.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        move(file, place)

    monkeypatch.setattr(shutil, "move", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["model"]


@pytest.mark.slow
def test_the_real_minilm_learns_reviews(objective: Objectives, minilm: Path, shared_data: Path):
    with (shared_data / "reviews1000" / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["label"], "none") for row in csv.DictReader(stream)][:300]
    prepared = objective(
        rows=rows,
        tasks={**MAIN_ALONE, "words": {"kind": "masked_lm"}},
        model={"encoder": str(minilm), "max_length": 64},
        training={"epochs": 2, "batch_size": 16, "precision": "auto"},
    )
    done = trained(prepared, Configuration(learning_rate=1e-4, ratios={"words": 0.1}))
    assert done.validation["accuracy"] > 0.75
