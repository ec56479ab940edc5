"""The baseline that says how likely each label is."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation.operation import Judge, Resources
from autotune.objectives.augmentation.synthesize import Synthesize
from autotune.objectives.data.row import Row
from autotune.objectives.prepare import prepare
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training import judge as judging
from autotune.objectives.training.judge import baseline_judge
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import DataError

CPU = torch.device("cpu")
QUICKSTART = Path(__file__).parents[2] / "studies" / "quickstart"
TEXTS = ["The camera is superb.", "The price is dreadful.", "", "👍 unheard-of wörds"]


def settings(**changes: object) -> ObjectiveSettings:
    parts: dict[str, object] = {
        "data": {"train": "reviews.csv", "validation": 0.25},
        "model": {"encoder": "scratch:tiny", "max_length": 16},
        "tasks": {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}},
        "objective": ["sentiment.accuracy", "aspect.f1"],
        "training": {"epochs": 12, "batch_size": 8, "precision": "fp32", "early_stopping": 1},
    }
    return ObjectiveSettings.model_validate(parts | changes)


def test_a_study_whose_auxiliary_reads_a_mean_has_a_judge(reviews_csv: Path):
    """`pooling: mean` is of auxiliary heads, of which the judge has none."""
    short = {"epochs": 1, "batch_size": 8, "precision": "fp32"}
    pooled = settings(training=short).model_copy(
        update={"model": settings().model.model_copy(update={"pooling": "mean"})}
    )
    assert len(baseline_judge(pooled, reviews_csv.parent, 0, CPU)(TEXTS)) == len(TEXTS)


@pytest.mark.slow
def test_it_knows_the_labels_and_is_the_same_twice(reviews_csv: Path):
    judge = baseline_judge(settings(), reviews_csv.parent, 0, CPU)
    found = torch.tensor(judge(TEXTS))
    assert found.shape == (4, 2)
    assert found.sum(1).tolist() == pytest.approx([1.0] * 4)
    assert found[0, 1] > 0.6  # labels are sorted: negative, positive
    assert found[1, 0] > 0.6
    assert judge([]) == []
    alone = torch.tensor(judge(TEXTS[:1]))
    assert alone[0].tolist() == pytest.approx(found[0].tolist(), abs=1e-5)
    assert baseline_judge(settings(), reviews_csv.parent, 0, CPU)(TEXTS) == judge(TEXTS)


@pytest.mark.slow
def test_it_trains_on_training_rows_of_the_main_task_alone(reviews_csv: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[judging.TrainingRun] = []

    class Watched(judging.TrainingRun):
        def train_to(self, step: int) -> dict[str, float]:
            seen.append(self)
            return super().train_to(step)

    prepared = []
    known: Callable[..., judging.PreparedObjective] = judging.prepare
    monkeypatch.setattr(judging, "TrainingRun", Watched)
    monkeypatch.setattr(judging, "prepare", lambda *given: prepared.append(known(*given)) or prepared[-1])
    baseline_judge(settings(), reviews_csv.parent, 0, CPU)
    assert list(prepared[0].train) == ["sentiment"]
    assert len(prepared[0].main.tokens) == 45  # a quarter of 60 is held out
    assert [run.step for run in seen] == [seen[0].total_steps]


def test_a_pair_has_no_judge(reviews_csv: Path):
    pair = {"sentiment": {"kind": "classification", "text_pair": "aspect"}}
    with pytest.raises(DataError, match="tasks: sentiment: only a classification of one text"):
        baseline_judge(settings(tasks=pair, objective="sentiment.accuracy"), reviews_csv.parent, 0, CPU)


@pytest.mark.slow
def test_synthesize_trains_it_once_and_only_when_rows_are_asked_for(reviews_csv: Path):
    calls: list[int] = []

    def judge() -> judging.Judge:
        calls.append(1)
        return baseline_judge(settings(), reviews_csv.parent, 0, CPU)

    rows = [
        Row((f"The {thing} of the {other} is {word}.",), label)
        for label, words in (("positive", ("superb", "great")), ("negative", ("awful", "poor")))
        for thing, other, word in zip(
            ("price", "screen", "camera"), ("battery", "speaker", "delivery"), [*words, words[0]], strict=True
        )
    ]
    given = Resources(reviews_csv.parent, "scratch:tiny", rows, ("negative", "positive"), judge=judge)
    operation = Synthesize.make(AugmentationSpace(), given)
    assert operation.rewrite(rows, 0, 0, 0) == rows
    assert not calls
    operation.rewrite(rows, 0.5, 0, 0)
    operation.rewrite(rows, 1.0, 1, 0)
    assert len(calls) == 1


@pytest.mark.slow
def test_synthesized_rows_that_the_baseline_agrees_with_are_in_the_bank(tmp_path: Path):
    rows = (QUICKSTART / "reviews.csv").read_text("utf-8").splitlines()[:201]
    (tmp_path / "reviews.csv").write_text("\n".join(rows) + "\n", "utf-8")
    given = settings(tasks={"sentiment": {"kind": "classification"}}, objective="sentiment.accuracy")
    space = AugmentationSpace.model_validate(
        {"operations": ["synthesize"], "levels": 1, "replicas": 1, "synthesize": {"agreement": 0.5}}
    )
    asked: list[int] = []

    def judge(*_: object) -> Judge:
        asked.append(1)
        return baseline_judge(given, tmp_path, 0, CPU)

    prepared = prepare(given, space, tmp_path, 0, judge=judge)
    original, variant = prepared.bank.places
    new = variant != original
    assert asked == [1]
    assert 0 < prepared.bank.counts()["synthesize"]["refused"] < len(original)
    assert new.any()
    assert torch.equal(prepared.bank.targets[variant], prepared.bank.targets[original])
    assert prepare(given, space, tmp_path, 0, judge=judge).bank.counts() == prepared.bank.counts()
    assert asked == [1]  # the second time the cache knows
