"""Cross-validation's rows, metrics of auxiliaries, and the cost of inference."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.data.near import NEAR, near_copies
from autotune.objectives.prepare import prepare
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.tasks.regression import Regression
from autotune.objectives.training.cost import inference_cost
from autotune.objectives.training.exporting import export_model
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.production import Trained
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.trainer import Evaluation
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration

Objectives = Callable[..., PreparedObjective]
Architectures = Callable[..., Path]
CPU = torch.device("cpu")
BOTH = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0, "words": 0.5})


def texts(prepared: PreparedObjective, part: PreparedObjective) -> list[str]:
    """The training texts of a fold, read back from its tokens."""
    rows = [
        part.main.tokens.gather(torch.tensor([row]), 24, prepared.pad)["ids"][0] for row in range(len(part.main.tokens))
    ]
    return [prepared.codes.text(row) for row in rows]


def test_every_row_is_held_out_once_and_trained_on_in_the_other_folds(objective: Objectives):
    prepared = objective(data={"validation": {"folds": 4}}, augmentation={"operations": ["noise"], "levels": 1})
    assert len(prepared.folds) == 4
    total = len(prepared.main.tokens)
    held = [len(fold.validation.tokens) for fold in prepared.folds]
    assert sum(held) == total
    assert max(held) - min(held) <= 1
    for fold in prepared.folds:
        assert len(fold.main.tokens) == len(fold.train["aspect"].tokens) == total - len(fold.validation.tokens)
        assert fold.bank.places.shape == (3, len(fold.main.tokens))
        assert not set(texts(prepared, fold)) & set(held_texts(prepared, fold))
        labels = torch.as_tensor(fold.validation.targets[torch.arange(len(fold.validation.tokens))])
        assert abs(int(labels.sum()) * 2 - len(labels)) <= 2  # both classes in the same shares
    assert prepared.rungs(prepared.settings.training)[-1] == sum(
        fold.rungs(fold.settings.training)[-1] for fold in prepared.folds
    )


@pytest.mark.parametrize("endings", [("", "s"), ("", " a lot", " a lot indeed", " a lot indeed yes")])
def test_near_copies_leave_a_folds_training_and_no_row_is_measured_twice(tmp_path: Path, endings: tuple[str, ...]):
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
    texts = [
        f"the {word} product arrived on a sunny day and we liked it{ending}" for word in words for ending in endings
    ]
    labels = ["good" if row // len(endings) % 2 else "bad" for row in range(len(texts))]
    with (tmp_path / "train.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label", "other"), *zip(texts, labels, labels, strict=True)])
    kind = {"kind": "classification"}
    settings = ObjectiveSettings.model_validate(
        {
            "objective": ["main.accuracy", "other.f1"],
            "data": {"train": "train.csv", "validation": {"folds": 4}},
            "model": {"encoder": "scratch:tiny", "max_length": 32},
            "tasks": {"main": kind, "other": {**kind, "label": "other"}, "words": {"kind": "masked_lm"}},
        }
    )
    prepared = prepare(settings, AugmentationSpace(), tmp_path, 0)
    held = [texts[row] for fold in prepared.corpus.folds for row in fold.held["main"]]
    assert sorted(held) == sorted(texts)
    for fold, its in zip(prepared.folds, prepared.corpus.folds, strict=True):
        assert its.held.keys() == {"main", "other"}
        assert len(fold.validation.tokens) == len(fold.validations["other"].tokens) == len(texts) // 4
        assert len(fold.main.tokens) == len(its.train["main"]) < len(texts) * 3 // 4
        for label in ("good", "bad"):
            trained, measured = (
                [texts[row] for row in rows["main"] if labels[row] == label] for rows in (its.train, its.held)
            )
            assert not any(near_copies(measured, trained, NEAR)), "a near-copy of another label may stay"


def held_texts(prepared: PreparedObjective, fold: PreparedObjective) -> list[str]:
    rows = fold.validation.tokens
    ids = [rows.gather(torch.tensor([row]), 24, prepared.pad)["ids"][0] for row in range(len(rows))]
    return [prepared.codes.text(row) for row in ids]


def test_a_folds_variants_are_those_of_its_own_rows(objective: Objectives):
    prepared = objective(data={"validation": {"folds": 3}}, augmentation={"operations": ["reverse"], "levels": 1})
    fold = prepared.folds[1]
    (which,) = fold.bank.variants.values()
    for variant_place in which.tolist():
        shared: list[bool] = []
        for row in range(len(fold.main.tokens)):
            own = fold.bank.tokens.take(fold.bank.places[:1, row]).ids.tolist()
            variant = fold.bank.tokens.take(fold.bank.places[[variant_place], row]).ids.tolist()
            assert set(own) & set(variant)
            shared.append(sorted(own) == sorted(variant))
        # The same words in another order, but for the quarter whose letters are reversed.
        assert sum(shared) > len(shared) / 2


@pytest.mark.slow
def test_folds_are_trained_one_after_another(objective: Objectives):
    prepared = objective(data={"validation": {"folds": 3}}, training={"epochs": 1})
    trainer = PlainTrainer(prepared, CPU)
    trainer.admit(0, BOTH)
    found: list[Evaluation] = []
    while evaluations := trainer.advance():
        found += evaluations
    assert [evaluation.step for evaluation in found] == prepared.rungs(prepared.settings.training)
    alone = TrainingRun(0, BOTH, prepared.folds[1], CPU)
    assert found[1].metrics == alone.advance_to(alone.total_steps).metrics


def test_all_data_trains_on_the_rows_of_every_fold(objective: Objectives):
    prepared = objective(data={"validation": {"folds": 3}}, all_data=True)
    assert not prepared.folds
    assert len(prepared.main.tokens) == len(prepared.corpus.train["sentiment"])


def test_a_measured_auxiliary_has_its_own_metrics_beside_the_main_tasks(objective: Objectives):
    prepared = objective(objective=["sentiment.accuracy", "aspect.f1"])
    run = TrainingRun(0, BOTH, prepared, CPU)
    metrics = run.advance().metrics
    main, aspect = (prepared.train[name].task.metrics for name in ("sentiment", "aspect"))
    assert set(metrics) == {*main, *(f"aspect.{name}" for name in aspect)}
    assert len(prepared.validations["aspect"].tokens) == len(prepared.validation.tokens)


def test_folds_measure_auxiliaries_on_the_rows_held_out(objective: Objectives):
    prepared = objective(objective=["sentiment.accuracy", "aspect.f1"], data={"validation": {"folds": 3}})
    for fold in prepared.folds:
        assert torch.equal(fold.validations["aspect"].tokens.ids, fold.validation.tokens.ids)


def numbers_of(folder: Path, numbers: list[int], extra: list[str]) -> ObjectiveSettings:
    """A study of three folds: a number for each text, as the main task and as a measured auxiliary."""
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as stream:
        texts = [f"the {number} things that we counted" for number in range(len(numbers))]
        csv.writer(stream).writerows([("text", "label", "extra"), *zip(texts, numbers, extra, strict=True)])
    kind = {"kind": "regression"}
    return ObjectiveSettings.model_validate(
        {
            "objective": ["main.rmse", "extra.rmse"],
            "data": {"train": "train.csv", "validation": {"folds": 3}},
            "model": {"encoder": "scratch:tiny", "max_length": 16},
            "tasks": {"main": kind, "extra": {**kind, "label": "extra"}},
        }
    )


def test_a_numbers_scale_is_that_of_the_rows_that_a_fold_trains_on(tmp_path: Path):
    numbers = [number**2 for number in range(24)]
    settings = numbers_of(tmp_path, numbers, [str(3 * number) if number % 4 else "" for number in numbers])
    prepared = prepare(settings, AugmentationSpace(), tmp_path, 0)
    for fold in [prepared, *prepared.folds]:
        for name, rows in fold.train.items():
            task, targets = rows.task, torch.as_tensor(rows.targets[torch.arange(len(rows.tokens))])
            assert isinstance(task, Regression)
            assert (task.mean, task.deviation) == pytest.approx(
                (targets.mean().item(), targets.std(correction=0).item())
            )
            assert fold.validations[name].task is task
    assert len({task_of(fold).mean for fold in [prepared, *prepared.folds]}) == 4


def task_of(prepared: PreparedObjective) -> Regression:
    task = prepared.main.task
    assert isinstance(task, Regression)
    return task


@pytest.mark.parametrize("seed", range(3))
def test_a_fold_whose_rows_have_one_number_has_the_scale_of_all(tmp_path: Path, seed: int):
    """Confirmations cut folds anew on each seed, and must not fail after a search."""
    settings = numbers_of(tmp_path, list(range(12)), ["1", *["0"] * 11])
    prepared = prepare(settings, AugmentationSpace(), tmp_path, seed)
    whole, *folds = (each.train["extra"].task for each in (prepared, *prepared.folds))
    assert isinstance(whole, Regression)
    same = [fold for fold in folds if isinstance(fold, Regression) and fold.mean == whole.mean]
    assert len(same) == 1


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_parameters_are_those_of_the_exported_model(objective: Objectives, architectures: Architectures, family: str):
    tasks = {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}}
    encoder = {"encoder": str(architectures(family))}
    prepared = objective(tasks=tasks, objective=["sentiment.accuracy", "cost.parameters"], model=encoder)
    run = TrainingRun(0, Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}), prepared, CPU)
    cost = inference_cost(run.model, prepared, CPU)
    exported = export_model(Trained(run, 0, {}, {}, 0.0), prepared)
    assert cost["cost.parameters"] * 1e6 == pytest.approx(sum(p.numel() for p in exported.parameters()))


def test_fewer_layers_cost_less_and_other_settings_nothing(objective: Objectives):
    prepared = objective(objective=["sentiment.accuracy", "cost.gflops"])
    costs = [
        inference_cost(TrainingRun(0, configuration, prepared, CPU).model, prepared, CPU)
        for configuration in (
            Configuration(learning_rate=1e-3),
            Configuration(learning_rate=3e-3, ratios={"aspect": 1.0}),
            Configuration(learning_rate=1e-3, training={"keep_layers": 1}),
        )
    ]
    assert costs[0] == costs[1]
    assert costs[2]["cost.gflops"] < costs[0]["cost.gflops"]
    assert costs[2]["cost.parameters"] < costs[0]["cost.parameters"]
    # A layer of width d takes about 24 d² operations a token: four products of d² and two of 4 d², times two.
    length = int(prepared.validation.tokens.lengths.sort().values[len(prepared.validation.tokens) // 2])
    layer = (costs[0]["cost.gflops"] - costs[2]["cost.gflops"]) * 1e9 / length
    assert 24 * 128**2 <= layer <= 26 * 128**2
