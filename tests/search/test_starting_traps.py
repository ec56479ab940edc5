"""`autotune init`: columns and files that look like something else."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.data.table import Table, with_written_lists
from autotune.search.starting.columns import Column, Form, describe
from autotune.search.starting.starting import Started, start_study

PRODUCTS = ("toaster", "kettle", "radio", "lamp", "drill", "fan", "clock")
FAULTS = ("arrived broken", "does not switch on", "smells of smoke", "came too late")
CHANNELS = ("twitter", "web", "call centre")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(row: int) -> str:
    return f"My new {PRODUCTS[row % 7]}, order {row}, {FAULTS[row % 4]}, I want it replaced."


def write(name: str, columns: Mapping[str, Sequence[object]], encoding: str = "utf-8") -> None:
    with Path(name).open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([columns, *zip(*columns.values(), strict=True)])


def made(columns: Mapping[str, Sequence[object]]) -> Started:
    write("rows.csv", columns)
    return start_study("rows.csv", Path("study.yaml"))


def main_of(started: Started) -> dict[str, Any]:
    return dict(started.checked.plan.tasks[0].settings)


def described(columns: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    rows = range(len(next(iter(columns.values()))))
    table = Table("rows.csv", {name: list(values) for name, values in columns.items()}, rows, "")
    return {column.name: column for column in describe(with_written_lists(table))}


@pytest.mark.parametrize("weak", ["source", "input", "article", "document"])
@pytest.mark.parametrize("answer", ["score", "urgent"])
def test_a_column_of_few_values_is_labels_whatever_its_name(weak: str, answer: str) -> None:
    answers = [row * 0.37 if answer == "score" else "yes" if row % 3 else "no" for row in range(150)]
    columns = {
        "complaint": [complaint(row) for row in range(150)],
        weak: [CHANNELS[row % 11 % 3] for row in range(150)],
        answer: answers,
    }
    started = made(columns)
    kind = "regression" if answer == "score" else "classification"
    assert main_of(started) == {"kind": kind, "text": "complaint", "label": answer}
    assert [task.name for task in started.checked.plan.tasks[1:]] == [weak, "reconstruct"]


def test_where_a_text_is_from_is_the_last_guess() -> None:
    topics = ["sport", "culture", "politique"]
    columns = {
        "source": ["figaro" if row % 5 else "lemonde" for row in range(150)],
        "texte": [complaint(row) for row in range(150)],
        "rubrique": [topics[row % 11 % 3] for row in range(150)],
    }
    assert main_of(made(columns)) == {"kind": "classification", "text": "texte", "label": "rubrique"}


def test_a_column_called_as_a_text_is_labels_beside_much_longer_texts() -> None:
    columns = {
        "complaint": [complaint(row) for row in range(150)],
        "content": [CHANNELS[row % 11 % 3] for row in range(150)],
    }
    assert described(columns)["content"].form is Form.CLASSES
    assert described({"content": columns["content"]})["content"].form is Form.TEXT
    pair = {"passage": columns["complaint"], "question": columns["content"]}
    assert described(pair)["question"].form is Form.TEXT


def test_a_weak_name_is_the_text_only_where_its_texts_are_not_much_shorter() -> None:
    score = [row * 0.37 for row in range(150)]
    complaints = [complaint(row) for row in range(150)]
    short = [f"page {'abcdefghij'[row % 10]} of {'klmnopqrst'[row // 10 % 10]}" for row in range(150)]
    assert main_of(made({"complaint": complaints, "source": short, "score": score}))["text"] == "complaint"
    Path("study.yaml").unlink()
    long = [f"They wrote: {text[:50]}" for text in complaints]
    assert main_of(made({"complaint": complaints, "source": long, "score": score}))["text"] == "source"


@pytest.mark.parametrize("gap", ["", "n/a", "-", "NaN", "?"])
def test_numbers_with_gaps_are_numbers_as_for_create(gap: str) -> None:
    scores = [gap if row % 12 == 0 else f"{row * 0.37:.2f}" for row in range(240)]
    started = made({"text": [complaint(row) for row in range(240)], "score": scores})
    assert main_of(started) == {"kind": "regression", "text": "text", "label": "score"}
    assert started.checked.plan.tasks[0].why.endswith("220 different ones, empty in 20 rows")


def test_a_gap_among_labels_may_be_a_label() -> None:
    column = described({"stance": ["none", "1", "2", "2"] * 20})["stance"]
    assert column.form is Form.CLASSES
    assert "3 labels: 2 40, none 20, 1 20" in column.told


def test_decimal_commas_are_called_so() -> None:
    values = ["-" if row % 20 == 0 else f"{row % 5},{row % 90:02}" for row in range(250)]
    assert described({"x": values})["x"].told == "numbers with a decimal comma; write 3.14 with a point"
    values = [str(row) if row % 3 == 0 else f"{row},5" for row in range(250)]
    assert "numbers with a decimal comma" in described({"x": values})["x"].told
    assert "decimal comma" not in described({"x": [f"{row},250" for row in range(1, 250)]})["x"].told
    assert "decimal comma" not in described({"x": [f"{row},{row + 1},{row + 2}" for row in range(250)]})["x"].told


def test_cells_of_json_are_told() -> None:
    odd = [json.dumps({"choices": ["Negative", "Neutral"]}) if row % 20 == 0 else "Neutral" for row in range(160)]
    labels = [label if row % 3 else "Positive" for row, label in enumerate(odd)]
    assert "; 5 of 160 cells are JSON, as tools export several labels" in described({"label": labels})["label"].told
    spans = [json.dumps([{"start": 0, "end": row, "labels": ["ORG"]}]) for row in range(60)]
    column = described({"label": spans})["label"]
    assert column.form is Form.USELESS
    assert "token_classification" in column.told
