"""A label that nearly all rows have makes accuracy say little, and that is noted."""

from pathlib import Path

import pytest
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.imbalance import imbalance
from autotune.objectives.tasks.classification import Classification
from autotune.objectives.tasks.kinds import ClassificationSettings


def found(folder: Path, rare: int, metric: str = "accuracy") -> list[str]:
    rows = [f"text {row},{'yes' if row < rare else 'no'}" for row in range(100)]
    (folder / "a.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    table = load_table(resolve_source("a.csv", folder))
    task = Classification("spam", ClassificationSettings.model_validate({"kind": "classification"}))
    return [finding.what for finding in imbalance(task, table, [f"spam.{metric}"])]


def test_one_label_of_nearly_all_rows_is_noted(tmp_path: Path):
    (what,) = found(tmp_path, 3)
    assert what.startswith("'no' is the label of 97.0% of the rows, which is the accuracy of a constant answer; ")
    assert "spam.balanced_accuracy" in what


@pytest.mark.parametrize(("rare", "metric"), [(11, "accuracy"), (50, "accuracy"), (3, "balanced_accuracy"), (3, "f1")])
def test_nothing_is_noted_where_the_objective_says_enough(tmp_path: Path, rare: int, metric: str):
    assert found(tmp_path, rare, metric) == []
