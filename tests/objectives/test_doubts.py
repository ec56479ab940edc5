"""Labels that make a study's figures say less than they seem to are noted."""

from pathlib import Path

import pytest
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.doubts import doubts, one_sided
from autotune.objectives.tasks.classification import Classification
from autotune.objectives.tasks.kinds import ClassificationSettings

from .corpora import read, write


def found(folder: Path, rare: int, metric: str = "accuracy") -> list[str]:
    rows = [f"text {row},{'yes' if row < rare else 'no'}" for row in range(100)]
    (folder / "a.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    table = load_table(resolve_source("a.csv", folder))
    task = Classification("spam", ClassificationSettings.model_validate({"kind": "classification"}))
    return [finding.what for finding in one_sided(task, table, [f"spam.{metric}"])]


def test_one_label_of_nearly_all_rows_is_noted(tmp_path: Path):
    (what,) = found(tmp_path, 3)
    assert what.startswith("'no' is the label of 97.0% of the rows, which is the accuracy of a constant answer; ")
    assert "spam.balanced_accuracy" in what


@pytest.mark.parametrize(("rare", "metric"), [(11, "accuracy"), (50, "accuracy"), (3, "balanced_accuracy"), (3, "f1")])
def test_nothing_is_noted_where_the_objective_says_enough(tmp_path: Path, rare: int, metric: str):
    assert found(tmp_path, rare, metric) == []


def noted(folder: Path, labels: list[str], kind: str) -> list[tuple[str, int]]:
    write(folder / "train.csv", [(f"text number {row}", label) for row, label in enumerate(labels)])
    corpus = read(folder, {"main": {"kind": kind}}, validation=0.2)
    return [(finding.what, finding.count) for finding in doubts(corpus, ["main.f1"])]


def test_a_label_with_few_validation_rows_is_noted(tmp_path: Path):
    ((what, count),) = noted(tmp_path, ["rare"] * 10 + ["common"] * 90, "classification")
    assert "label with fewer than 5 validation rows" in what
    assert count == 1
    assert noted(tmp_path, ["rare"] * 40 + ["common"] * 60, "classification") == []
    assert noted(tmp_path, ["rare"] * 3 + ["common"] * 5, "classification") == []


def test_a_label_that_may_be_a_gap_is_noted(tmp_path: Path):
    ((what, count),) = noted(tmp_path, ["good", "bad"] * 40 + ["NaN"] * 40, "classification")
    assert what == "label of task 'main' that looks like a missing value; leave the cell empty if it is one"
    assert 1 <= count <= 40
    assert noted(tmp_path, ["none", "some"] * 40, "classification") == []


@pytest.mark.parametrize(
    ("labels", "gap"),
    [
        (["entailment", "neutral", "-"], "'-'"),
        (["yes", "no", "?"], "'?'"),
        (["1", "2", "5", "NA"], "'NA'"),
        (["1", "2", "none"], "'none'"),
        (["0", "1", "2", "-1"], "'-1'"),
        (["0.0", "1.0", "-1.0"], "'-1.0'"),
    ],
)
def test_a_code_for_a_missing_label_is_noted(tmp_path: Path, labels: list[str], gap: str):
    answers = [*labels * 8, *labels[:-1] * 62]
    write(tmp_path / "train.csv", [(f"text number {row}", label) for row, label in enumerate(answers)])
    corpus = read(tmp_path, {"main": {"kind": "classification"}}, validation=0.2)
    (finding,) = [found for found in doubts(corpus, ["main.f1"]) if "missing value" in found.what]
    assert finding.what == "label of task 'main' that looks like a missing value; leave the cell empty if it is one"
    assert all(case.startswith(f"{gap} at train.csv, line ") for case in finding.examples)


@pytest.mark.parametrize(
    "labels",
    [
        ["-1", "1"],
        ["-1", "0"],
        ["-1", "1", "2"],
        ["-2", "-1", "0", "1"],
        ["-1", "0", "1"],
        ["+", "-"],
        ["yes", "?"],
        ["NA", "EU"],
    ],
    ids=str,
)
def test_labels_that_only_resemble_such_a_code_are_not(tmp_path: Path, labels: list[str]):
    assert noted(tmp_path, labels * 30, "classification") == []


def test_few_numbers_that_have_nearly_all_of_the_error_are_noted(tmp_path: Path):
    ((what, count),) = noted(tmp_path, [str(row % 10) for row in range(199)] + ["1e7"], "regression") or [("", 0)]
    assert "far from all others" in what
    assert count == 1


@pytest.mark.parametrize("largest", ["9", "40"])
def test_numbers_near_each_other_are_not(tmp_path: Path, largest: str):
    assert noted(tmp_path, [str(row % 10) for row in range(199)] + [largest], "regression") == []
