"""`autotune init`: columns and files that look like something else."""

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.data.table import Table, with_written_lists
from autotune.search.starting.columns import Column, Form, describe
from autotune.search.starting.starting import Started, start_study
from autotune.search.study_file.reading import read_study_file

Command = Callable[..., Any]

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


def test_a_main_task_that_cannot_be_learnt_names_its_text_too(autotune: Command) -> None:
    labels = ["sport" if row else "odd" for row in range(60)]
    write("rows.csv", {"texte": [complaint(row) for row in range(60)], "label": labels})
    done = autotune("init", "rows.csv")
    assert (done.code, done.out) == (2, "")
    assert "The main task was to be classification of text 'texte' by column 'label': " in done.err


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


PATIENTS = [f"PT{row // 5:04}" for row in range(230)]


def visits(**more: Sequence[object]) -> dict[str, Sequence[object]]:
    label = ["yes" if row % 3 else "no" for row in range(230)]
    return {"text": [complaint(row) for row in range(230)], "label": label, **more}


@pytest.mark.slow
def test_ids_that_repeat_may_be_groups(autotune: Command) -> None:
    write("rows.csv", visits(patient_id=PATIENTS))
    done = autotune("init", "rows.csv")
    assert done.code == 0, done.err
    told = (
        "'patient_id' repeats (46 values in 230 rows): if rows of one belong together, set data.group: patient_id, "
        "so that none are on both sides of the split"
    )
    assert done.out.count(told) == 1
    assert read_study_file(Path("study.yaml")).data.group is None
    text = Path("study.yaml").read_text()
    assert "  # group: patient_id  # 46 values in 230 rows; if rows of one belong together, uncomment this" in text
    text = text.replace("# group", "group").replace("sentence-transformers/all-MiniLM-L6-v2", "scratch:tiny")
    Path("study.yaml").write_text(text)
    assert read_study_file(Path("study.yaml")).data.group == "patient_id"
    done = autotune("study", "create", "study.yaml", "--dry-run")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("name", "values", "are_groups"),
    [
        ("patient_id", PATIENTS, True),
        ("patient_id", [row // 5 for row in range(230)], True),
        ("Requester", [f"user{row // 5}@acme.example" for row in range(230)], True),
        ("author", [f"{'ABCDEFGHIJ'[row // 20 % 10]}. {PRODUCTS[row % 7]}" for row in range(230)], True),
        ("note_id", [f"N{row}" for row in range(230)], False),
        ("note_id", [f"N{row if row % 3 else row // 9}" for row in range(230)], False),
        ("annotator_id", ["A7", "B7"] * 115, False),
        ("note_date", [f"2024-03-{row // 10:02}" for row in range(230)], False),
        ("lead_time", [f"{row % 60},5" for row in range(230)], False),
        ("time", [f"{row // 10}:30" for row in range(230)], False),
    ],
)
def test_what_may_be_groups(name: str, values: Sequence[object], are_groups: bool) -> None:
    started = made(visits(**{name: values}))
    assert (name in started.checked.plan.groups) == are_groups, started.checked.plan.left_out
    assert ("# group: " in Path("study.yaml").read_text()) == are_groups


FRENCH = {"texte": [f"Café n° {row}: {complaint(row)}" for row in range(90)], "label": ["bon", "mauvais"] * 45}


def test_an_encoding_is_read_with_and_written(autotune: Command) -> None:
    write("train.csv", FRENCH, "cp1252")
    write("test.csv", {**FRENCH, "texte": [f"L'été {row} à Sète, et puis {row * 7}" for row in range(90)]}, "cp1252")
    refused = autotune("init", "train.csv")
    assert (refused.code, refused.out) == (2, "")
    assert "With --encoding NAME, init reads the data so, and writes that line." in refused.err
    done = autotune("init", "train.csv", "--encoding", "cp1252")
    assert done.code == 0, done.err
    data = read_study_file(Path("study.yaml")).data
    assert (data.encoding, data.test) == ("cp1252", "test.csv")
    assert "  encoding: cp1252  # " in Path("study.yaml").read_text()


@pytest.mark.parametrize("name", ["cp12525", "base64", ""])
def test_an_encoding_that_is_none(name: str, autotune: Command) -> None:
    write("rows.csv", FRENCH)
    done = autotune("init", "rows.csv", "--encoding", name)
    assert (done.code, done.out) == (2, "")
    assert "--encoding" in done.err
    assert not Path("study.yaml").exists()


def test_a_packed_files_study_is_called_as_the_file_in_it(place: Path) -> None:
    (place / "visits").mkdir()
    write("rows.csv", FRENCH)
    for name, expected in ("rows.csv.gz", "rows"), ("visits/train.csv.gz", "visits"):
        Path(name).write_bytes(gzip.compress(Path("rows.csv").read_bytes()))
        assert start_study(name, Path(f"{expected}.yaml")).file.name == expected


def test_cells_of_json_are_told() -> None:
    odd = [json.dumps({"choices": ["Negative", "Neutral"]}) if row % 20 == 0 else "Neutral" for row in range(160)]
    labels = [label if row % 3 else "Positive" for row, label in enumerate(odd)]
    assert "; 5 of 160 cells are JSON, as tools export several labels" in described({"label": labels})["label"].told
    spans = [json.dumps([{"start": 0, "end": row, "labels": ["ORG"]}]) for row in range(60)]
    column = described({"label": spans})["label"]
    assert column.form is Form.USELESS
    assert "token_classification" in column.told


SPANS = {
    "doccano": [{"id": row, "text": complaint(row), "label": [[3, 6, "ORG"]], "Comments": []} for row in range(60)],
    "entities": [
        {"text": complaint(row), "entities": [{"id": 1, "label": "ORG", "start_offset": 3, "end_offset": 6}]}
        for row in range(60)
    ],
    "label studio": [
        {
            "id": row,
            "annotations": [{"id": row, "result": [{"value": {"start": 3, "end": 6, "labels": ["ORG"]}}]}],
            "data": {"text": complaint(row)},
        }
        for row in range(60)
    ],
    "others too": [
        {"text": complaint(row), "label": [[3, 6, "ORG"]], "checked": ["yes", "no"][row % 2]} for row in range(60)
    ],
}


@pytest.mark.parametrize("case", SPANS)
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_lists_of_spans_are_told_what_they_must_become(case: str, name: str, autotune: Command) -> None:
    rows = SPANS[case]
    Path(name).write_text(json.dumps(rows) if name == "rows.json" else "\n".join(map(json.dumps, rows)))
    done = autotune("init", name)
    assert done.code == (0 if case == "others too" else 2)
    assert "CoNLL, or as the columns `tokens` and `tags` (token_classification)" in done.out + done.err
    assert "name the columns in a file of your own" not in done.err


def prodigy(row: int) -> dict[str, Any]:
    text = complaint(row)
    starts = [place for place in range(len(text)) if place == 0 or text[place - 1] == " "]
    tokens = [{"text": text[start:].split()[0], "start": start, "end": start + 2} for start in starts]
    spans = [{"start": 3, "end": 6, "label": "ORG"}] if row % 3 else []
    return {"text": text, "tokens": tokens, "spans": spans, "answer": "reject" if row % 9 == 0 else "accept"}


def test_what_was_said_of_spans_is_no_task(autotune: Command) -> None:
    rows = [prodigy(row) for row in range(60)]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = autotune("init", "rows.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "  'answer': an annotator's verdict on the row: 2 labels: accept 53, reject 7" in done.err
    assert "rows.jsonl: 'spans' holds lists of spans; write them as CoNLL, or as the columns `tokens`" in done.err
    Path("rows.jsonl").write_text("\n".join(json.dumps({**row, "urgent": row["text"][13] < "l"}) for row in rows))
    done = autotune("init", "rows.jsonl")
    assert done.code == 0, done.err
    assert "label 'urgent'" in done.out
    assert "label 'answer'" not in done.out
    Path("plain.jsonl").write_text("\n".join(json.dumps({k: row[k] for k in ("text", "answer")}) for row in rows))
    done = autotune("init", "plain.jsonl", "-o", "plain.yaml")
    assert "label 'answer'" in done.out


@pytest.mark.parametrize("indent", [None, 2])
def test_nested_questions_are_told_what_they_must_become(indent: int | None, autotune: Command) -> None:
    question = {"id": "1", "question": "What?", "answers": [{"text": "new", "answer_start": 3}]}
    paragraphs = [{"context": complaint(row), "qas": [question]} for row in range(60)]
    data = {"version": "1.1", "data": [{"title": "x", "paragraphs": paragraphs}]}
    Path("squad.json").write_text(json.dumps(data, indent=indent))
    done = autotune("init", "squad.json")
    assert (done.code, done.out) == (2, "")
    assert "SQuAD, nested: write a row for each question, with `question, context, answer, start`" in done.err


def test_files_whose_names_have_no_latin_letters_are_studies_of_different_names(autotune: Command, place: Path) -> None:
    columns = {"本文": [complaint(row) for row in range(60)], "星": ["良い", "悪い"] * 30}
    found = list[str]()
    (place / "日本").mkdir()
    (place / "ja").mkdir()
    for name in ("ja/レビュー.csv", "ja/評価.csv", "日本/評価.csv"):
        write(name, columns)
        output = f"study{len(found)}.yaml"
        done = autotune("init", name, "-o", output)
        assert done.code == 0, done.err
        assert "has no Latin letters or digits; give the study another name in the file, if you like" in done.out
        file = read_study_file(Path(output))
        assert list(file.tasks) == ["column_2", "reconstruct"]
        found.append(file.name)
    assert found[0].startswith("ja-")
    assert len(set(found)) == 3
    write("study.csv", columns)
    assert start_study("study.csv", Path("study.yaml")).file.name == "study"
