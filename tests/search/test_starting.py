"""`autotune init`: from rows to a study file that `study create` takes."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table, with_written_lists
from autotune.objectives.tasks.names import Kind
from autotune.objectives.tasks.registry import TASKS
from autotune.search.starting.choosing import choose
from autotune.search.starting.columns import Column, Form, describe
from autotune.search.starting.siblings import study_name, written_path
from autotune.search.starting.starting import Started, start_study
from autotune.search.study_file.reading import read_study_file
from autotune.search.study_file.yaml_document import read_document, write_line
from autotune.spaces.errors import InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Command = Callable[..., Any]
Row = Mapping[str, Any]

ASPECTS = ("battery", "screen", "price", "delivery")
WORDS = ("superb", "awful", "great", "poor", "fine", "faulty", "cheap")


def reviews(count: int = 60) -> Iterator[dict[str, Any]]:
    """Rows that differ, with two labels, four aspects and the number of the row."""
    for number in range(count):
        aspect, word = ASPECTS[number % 4], WORDS[number % 7]
        text = f"The {aspect} of model {'abcdefghijk'[number % 11]}{'lmnopqrstuvwx'[number % 13]} is {word}."
        yield {"id": number, "text": text, "label": "good" if number % 3 else "bad", "aspect": aspect}


def write(path: Path, rows: Sequence[Row]) -> None:
    """A table in the format that the file's name says."""
    if path.suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), path)
        return
    if path.suffix == ".gz":
        write(path.with_suffix(""), rows)
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
        path.with_suffix("").unlink()
        return
    text = io.StringIO()
    if path.suffix == ".jsonl":
        text.writelines(f"{json.dumps(row)}\n" for row in rows)
    else:
        table = csv.DictWriter(text, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        table.writeheader()
        table.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def words(row: Row) -> list[str]:
    return str(row["text"]).split()


def tags(row: Row) -> list[str]:
    return ["B-aspect" if word in ASPECTS else "O" for word in words(row)]


def squad(row: Row) -> Row:
    text = str(row["text"])
    return {"question": "What is judged?", "context": text, "answer": row["aspect"], "answer_start": 4}


def nested_squad(row: Row) -> Row:
    answers = {"text": [row["aspect"]], "answer_start": [4]}
    return {"id": f"q{row['id']}", "question": "What is judged?", "context": row["text"], "answers": answers}


KINDS: dict[str, tuple[str, Callable[[Row], Row], dict[str, Any], list[str]]] = {
    "classes": (
        "rows.csv",
        dict,
        {"kind": "classification", "text": "text", "label": "label"},
        ["aspect", "reconstruct"],
    ),
    "other names": (
        "rows.tsv",
        lambda row: {"what they say": row["text"], "verdict": row["label"]},
        {"kind": "classification", "text": "what they say", "label": "verdict"},
        ["reconstruct"],
    ),
    "grades": (
        "rows.parquet",
        lambda row: {"review": row["text"], "stars": row["id"] % 5 + 1},
        {"kind": "classification", "text": "review", "label": "stars"},
        ["reconstruct"],
    ),
    "numbers": (
        "rows.csv",
        lambda row: {"text": row["text"], "score": row["id"] * 0.37},
        {"kind": "regression", "text": "text", "label": "score"},
        ["reconstruct"],
    ),
    "a pair": (
        "rows.csv",
        lambda row: {"premise": row["text"], "hypothesis": f"{row['text']} So?", "label": row["label"]},
        {"kind": "classification", "text": "premise", "text_pair": "hypothesis", "label": "label"},
        ["reconstruct"],
    ),
    "separated labels": (
        "rows.csv",
        lambda row: {"text": row["text"], "genres": f"{row['label']}|{row['aspect']}"},
        {"kind": "multi_label", "text": "text", "labels": "genres"},
        ["reconstruct"],
    ),
    "lists of labels": (
        "rows.jsonl",
        lambda row: {"text": row["text"], "labels": [row["label"], row["aspect"]]},
        {"kind": "multi_label", "text": "text", "labels": "labels"},
        ["reconstruct"],
    ),
    "written lists of labels": (
        "rows.csv",
        lambda row: {"text": row["text"], "labels": str([row["label"], row["aspect"]] if row["id"] else [])},
        {"kind": "multi_label", "text": "text", "labels": "labels"},
        ["reconstruct"],
    ),
    "written tags": (
        "rows.csv",
        lambda row: {"tokens": str(words(row)), "ner_tags": json.dumps(tags(row))},
        {"kind": "token_classification", "tokens": "tokens", "tags": "ner_tags"},
        ["reconstruct"],
    ),
    "tagged words": (
        "rows.jsonl",
        lambda row: {"tokens": words(row), "label": row["label"], "tags": tags(row)},
        {"kind": "token_classification", "tokens": "tokens", "tags": "tags"},
        ["label", "reconstruct"],
    ),
    "words with tags of two kinds": (
        "rows.jsonl",
        lambda row: {"tokens": words(row), "marks": ["D", *["N"] * (len(words(row)) - 1)], "tags": tags(row)},
        {"kind": "token_classification", "tokens": "tokens", "tags": "tags"},
        ["marks", "reconstruct"],
    ),
    "a column for each label": (
        "rows.csv",
        lambda row: {"text": row["text"], **{name: int(row["id"] % (3 + i) == 0) for i, name in enumerate(ASPECTS)}},
        {"kind": "multi_label", "text": "text", "labels": list(ASPECTS)},
        ["reconstruct"],
    ),
    "a place for each label": (
        "rows.parquet",
        lambda row: {"text": row["text"], "labels": [int(row["id"] % 2), int(row["id"] % 3 == 0), 1, 0]},
        {"kind": "multi_label", "text": "text", "labels": "labels"},
        ["reconstruct"],
    ),
    "a pair with a score and a genre": (
        "rows.csv",
        lambda row: {
            "genre": row["aspect"],
            "score": row["id"] * 0.07,
            "sentence1": row["text"],
            "sentence2": f"{row['text']} So?",
        },
        {"kind": "regression", "text": "sentence1", "text_pair": "sentence2", "label": "score"},
        ["genre", "reconstruct"],
    ),
    "questions that may have no answer": (
        "rows.jsonl",
        lambda row: {**squad(row), "is_impossible": row["label"]},
        {"kind": "span", "question": "question", "context": "context", "answer": "answer", "start": "answer_start"},
        ["is_impossible", "reconstruct"],
    ),
    "tags between blanks": (
        "rows.csv",
        lambda row: {"text": row["text"], "slots": " ".join(tags(row))},
        {"kind": "token_classification", "tokens": "text", "tags": "slots"},
        ["reconstruct"],
    ),
    "answers": (
        "rows.csv",
        squad,
        {"kind": "span", "question": "question", "context": "context", "answer": "answer", "start": "answer_start"},
        ["reconstruct"],
    ),
    "nested answers": (
        "rows.jsonl",
        nested_squad,
        {
            "kind": "span",
            "question": "question",
            "context": "context",
            "answer": "answers.text",
            "start": "answers.answer_start",
        },
        ["reconstruct"],
    ),
    "summaries": (
        "rows.jsonl",
        lambda row: {"document": row["text"], "summary": f"About {row['text']}"},
        {"kind": "generation", "text": "document", "target": "summary"},
        ["reconstruct"],
    ),
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(rows: Sequence[Row], name: str = "rows.csv", kind: str | None = None) -> Started:
    write(Path(name), rows)
    Path("study.yaml").unlink(missing_ok=True)
    return start_study(name, Path("study.yaml"), kind)


def main_of(started: Started) -> dict[str, Any]:
    return dict(started.checked.plan.tasks[0].settings)


def test_an_auxiliary_of_questions_reads_the_question_too() -> None:
    started = made([{**squad(row), "is_impossible": row["label"]} for row in reviews()], "rows.jsonl")
    auxiliary = started.checked.plan.tasks[1].settings
    assert auxiliary == {
        "kind": "classification",
        "text": "question",
        "text_pair": "context",
        "label": "is_impossible",
    }


def auxiliaries_of(started: Started) -> list[str]:
    return [task.name for task in started.checked.plan.tasks[1:]]


def created(autotune: Command, text: str) -> str:
    """What `create` says of a study file, with an encoder that is here."""
    Path("study.yaml").write_text(text.replace("sentence-transformers/all-MiniLM-L6-v2", "scratch:tiny"))
    done = autotune("study", "create", "study.yaml", "--dry-run")
    assert done.code == 0, done.err
    return done.out


@pytest.mark.parametrize("case", KINDS)
def test_every_kind_is_seen(case: str) -> None:
    name, row, main, auxiliaries = KINDS[case]
    started = made([row(each) for each in reviews()], name)
    assert main_of(started) == main
    assert auxiliaries_of(started) == auxiliaries
    file = read_study_file(Path("study.yaml"))
    assert file == started.file
    assert file.data.train == name
    assert file.data.validation == 0.2
    assert file.objective == f"{file.main_task}.{next(iter(file.tasks[file.main_task].metrics))}"


@pytest.mark.slow
@pytest.mark.parametrize("case", KINDS)
def test_create_takes_the_file_as_it_is(case: str, autotune: Command) -> None:
    name, row, *_ = KINDS[case]
    made([row(each) for each in reviews()], name)
    text = Path("study.yaml").read_text(encoding="utf-8")
    assert "all checks passed" in created(autotune, text)


def test_the_command_tells_what_it_chose_and_what_comes_next(autotune: Command) -> None:
    write(Path("rows.csv"), list(reviews()))
    done = autotune("init", "rows.csv")
    assert done.code == 0, done.err
    assert "main task label: classification, text 'text', label 'label' (2 labels: good 40, bad 20)" in done.out
    assert "auxiliary aspect: classification" in done.out
    assert "left out: column 'id': ids, dates or links, by its name" in done.out
    assert done.out.splitlines()[-1] == "wrote study.yaml. Check it: autotune study create study.yaml"
    line = next(line for line in Path("study.yaml").read_text().splitlines() if line.startswith("  label:"))
    assert line == "  label: {kind: classification, text: text, label: label}  # 2 labels: good 40, bad 20"


def test_the_groups_stand_in_the_manuals_order() -> None:
    made(list(reviews()))
    keys = read_document(Path("study.yaml").read_text(), "study.yaml").values
    expected = ["name", "objective", "data", "model", "tasks", "space", "training", "search", "confirm"]
    assert list(keys) == expected


def test_a_file_that_is_there_stays(autotune: Command) -> None:
    write(Path("rows.csv"), list(reviews()))
    for content in ("", "mine"):
        Path("study.yaml").write_text(content)
        done = autotune("init", "rows.csv")
        assert (done.code, done.out) == (2, "")
        assert "study.yaml" in done.err
        assert Path("study.yaml").read_text() == content
    Path("link.yaml").symlink_to("nowhere.yaml")
    assert autotune("init", "rows.csv", "-o", "link.yaml").code == 2
    assert not Path("nowhere.yaml").exists()


@pytest.mark.parametrize("output", ["best.txt", "-", "no/such/study.yaml", "x" * 300 + ".yaml", "rows.csv/study.yaml"])
def test_a_place_where_no_study_file_can_be(output: str, autotune: Command, place: Path) -> None:
    write(Path("rows.csv"), list(reviews()))
    done = autotune("init", "rows.csv", "-o", output)
    assert (done.code, done.out) == (2, "")
    assert [path.name for path in place.iterdir()] == ["rows.csv"]


def test_a_kind_that_is_asked_for_is_the_main_tasks() -> None:
    rows = [KINDS["tagged words"][1](row) for row in reviews()]
    started = made(rows, "rows.jsonl", "classification")
    assert main_of(started) == {"kind": "classification", "tokens": "tokens", "label": "label"}
    assert auxiliaries_of(started) == ["tags", "reconstruct"]
    texts = [{"text": row["text"]} for row in reviews()]
    assert main_of(made(texts, kind="masked_lm")) == {"kind": "masked_lm", "text": "text"}
    assert main_of(made(texts, kind="generation")) == {"kind": "generation", "text": "text"}
    stars = [{"text": row["text"], "stars": row["id"] % 5} for row in reviews()]
    assert main_of(made(stars, kind="regression"))["kind"] == "regression"


def test_the_commands_kinds_are_all_there_are() -> None:
    assert set(get_args(Kind)) == {task.kind for task in TASKS}


NOTHING: dict[str, list[Row]] = {
    "texts alone": [{"text": row["text"]} for row in reviews()],
    "no text": [{"id": row["id"], "label": row["label"]} for row in reviews()],
    "one label": [{"text": row["text"], "label": "good"} for row in reviews()],
    "numbered": [{"text": row["text"], "row": row["id"]} for row in reviews()],
    "dated": [{"text": row["text"], "when": f"2026-01-{row['id']:02} 10:00"} for row in reviews()],
    "commas": [{"text,label": f"{str(row['text']).replace(',', ' ')},{row['label']}"} for row in reviews()],
}


@pytest.mark.parametrize("case", NOTHING)
def test_where_there_is_no_task_each_column_is_told(case: str, autotune: Command) -> None:
    rows = NOTHING[case]
    write(Path("rows.tsv"), rows)
    done = autotune("init", "rows.tsv")
    assert (done.code, done.out) == (2, "")
    assert all(f"{name!r}: " in done.err for name in rows[0])
    assert ("tasks: {main: {kind: classification" in done.err) == (case != "one label")
    assert ("nothing to learn from column 'label'" in done.err) == (case == "one label")
    assert ("separated by commas" in done.err) == (case == "commas")
    assert not Path("study.yaml").exists()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"text": row["text"], "label": row["label"] if row["id"] else "odd"} for row in reviews()], "one row only"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_told_as_create_would(rows: list[Row], reason: str, autotune: Command) -> None:
    write(Path("rows.csv"), rows)
    done = autotune("init", "rows.csv")
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert "The main task was to be classification of text 'text' by column 'label': " in done.err
    assert "--task" not in done.err
    assert not Path("study.yaml").exists()


@pytest.mark.parametrize(
    ("different", "reason"), [(50, "one row only"), (99, "no column can be the text, or none its")]
)
def test_labels_that_seem_to_be_several_in_one_are_told_where_they_cannot_be_learnt(
    different: int, reason: str, autotune: Command
) -> None:
    letters = "abcdefg"
    kinds = [", ".join(letters[place] for place in range(7) if number >> place & 1) for number in range(1, 100)]
    rows = [{"text": row["text"], "labels": kinds[row["id"] if row["id"] < different else 0]} for row in reviews(143)]
    write(Path("rows.csv"), rows)
    done = autotune("init", "rows.csv")
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert "then kind: multi_label, separator: ','" in done.err


def test_another_kind_is_named_where_the_one_that_was_seen_does_not_work(autotune: Command) -> None:
    rows = [
        {"tokens": words(row), "tags": ["b-aspect" if tag != "O" else tag for tag in tags(row)]} for row in reviews()
    ]
    write(Path("rows.jsonl"), rows)
    done = autotune("init", "rows.jsonl")
    assert (done.code, done.out) == (2, "")
    assert "Ask for another kind with --task" in done.err


@pytest.mark.parametrize("given", ["nothing.csv", "", "no/such/thing.csv", "rows.txt", "no such\x1b[31mfile.csv"])
def test_data_that_is_not_there(given: str, autotune: Command) -> None:
    Path("rows.txt").write_text("x")
    done = autotune("init", given)
    assert (done.code, done.out) == (2, "")
    assert "\x1b" not in done.err


def test_columns_that_tell_nothing_more_are_left_out() -> None:
    rows = [
        {
            **row,
            "label_id": int(row["label"] == "good"),
            "source": "web",
            "rare": "x" if row["id"] else "once",
            "gap": "" if row["id"] == 3 else row["aspect"],
            "price": row["id"] * 1.5,
        }
        for row in reviews()
    ]
    started = made(rows)
    assert auxiliaries_of(started) == ["aspect", "reconstruct"]
    left_out = started.checked.plan.left_out
    assert set(left_out) == {"id", "label_id", "source", "rare", "gap", "price"}
    assert left_out["label_id"] == "duplicates 'label'"
    assert left_out["source"] == "the same in all rows"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (("good", "The film"), "'good' is a value of its column too"),
        (("3", "The film"), "'3' is a number"),
        (("label", "text"), ""),
        (("0", "1"), ""),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl"])
def test_a_first_line_that_looks_like_data_is_told(
    name: str, columns: tuple[str, str], why: str, autotune: Command
) -> None:
    write(Path(name), [dict(zip(columns, (row["label"], row["text"]), strict=True)) for row in reviews()])
    done = autotune("init", name)
    assert done.code == 0, done.err
    told = (
        f"the first line of {name} looks like data, not like names of columns ({why}): add a line with names, such as"
    )
    assert (told in done.out) == (told in Path("study.yaml").read_text()) == bool(why and name != "rows.jsonl")
    assert ("looks like data" in done.out) == bool(why and name != "rows.jsonl")


def test_create_tells_of_a_first_line_that_looks_like_data_once_and_of_the_columns_that_are_read(
    autotune: Command,
) -> None:
    rows = [{"good": row["label"], "The film": row["text"], "17": row["id"] % 5} for row in reviews()]
    write(Path("rows.csv"), rows)
    text = (
        "data: {train: rows.csv}\nmodel: {encoder: scratch:tiny}\n"
        "tasks: {main: {kind: classification, text: The film, label: good}, words: {kind: masked_lm, text: The film}}"
    )
    Path("study.yaml").write_text(text)
    told = "the first line of rows.csv looks like data, not like names of columns ('good' is a value of its column too)"
    assert autotune("study", "create", "study.yaml", "--dry-run").out.count(f"noted: {told}") == 1
    write(Path("rows.csv"), [{"label": row["good"], "The film": row["The film"], "17": row["17"]} for row in rows])
    Path("study.yaml").write_text(text.replace("good", "label"))
    assert "looks like data" not in autotune("study", "create", "study.yaml", "--dry-run").out


def test_a_first_line_that_looks_like_data_is_told_where_there_is_no_task(autotune: Command) -> None:
    write(Path("rows.csv"), [{"17": row["id"], "a": row["id"] * 3.7} for row in reviews()])
    assert "the first line of rows.csv looks like data" in autotune("init", "rows.csv").err


@pytest.mark.parametrize("name", ["split", "Fold", "subset"])
def test_a_column_that_says_what_part_a_row_is_of_is_no_task(name: str, autotune: Command) -> None:
    rows = [{**row, name: ("train", "Train", "dev", "test")[row["id"] % 4]} for row in reviews()]
    assert auxiliaries_of(made(rows)) == ["aspect", "reconstruct"]
    Path("study.yaml").unlink()
    told = autotune("init", "rows.csv").out
    assert (
        f"left out: column {name!r}: says of what part of the data a row is; write each part to a file of its" in told
    )
    rows = [{**row, name: ("train", "plane", "car")[row["id"] % 3]} for row in reviews()]
    assert name in auxiliaries_of(made(rows))


def test_auxiliaries_are_few() -> None:
    rows = [{**row, **{f"is {letter}": letter in str(row["text"]) for letter in "bcdfklmn"}} for row in reviews()]
    assert len(auxiliaries_of(made(rows))) == 5


def test_labels_of_another_case_are_one() -> None:
    rows = [{**row, "aspect": str(row["aspect"]).upper() if row["id"] % 9 == 0 else row["aspect"]} for row in reviews()]
    started = made(rows)
    assert "4 labels" in started.checked.plan.tasks[1].why
    rows = [{**row, "aspect": ("x", "X")[row["id"] % 2]} for row in reviews()]
    assert auxiliaries_of(made(rows)) == ["reconstruct"]


@pytest.mark.parametrize("word", ["validation", "valid", "val", "dev"])
def test_files_beside_the_training_rows_are_held_out(word: str, place: Path) -> None:
    rows = list(reviews(120))
    (place / "my data").mkdir()
    for part, name in (rows[:80], "train"), (rows[80:100], word), (rows[100:], "test"):
        write(place / "my data" / f"{name}.csv", part)
    started = start_study("my data/train.csv", Path("study.yaml"))
    assert started.file.name == "my-data"
    assert started.file.data.train == "my data/train.csv"
    assert started.file.data.validation == f"my data/{word}.csv"
    assert started.file.data.test == "my data/test.csv"


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "validation.csv", "test.csv"),
        ("train.jsonl", "dev.jsonl", "test.jsonl"),
        ("Train.csv", "Valid.csv", "Test.csv"),
        ("reviews_train.tsv", "reviews_val.tsv", "reviews_test.tsv"),
        ("train.parquet", "dev.csv", "test.jsonl"),
        ("train.csv.gz", "dev.csv.gz", "test.csv"),
    ],
)
def test_a_folder_of_the_parts_is_each_of_them(names: Sequence[str], autotune: Command) -> None:
    rows = list(reviews(120))
    Path("data").mkdir()
    for part, name in zip((rows[:80], rows[80:100], rows[100:]), names, strict=True):
        write(Path("data", name), part)
    Path("data/notes.txt").write_text("Written by hand.")
    Path("data/README.md").write_text("# Reviews")
    done = autotune("init", "data")
    assert done.code == 0, done.err
    train, validation, test = (f"data/{name}" for name in names)
    assert f"training: {train}" in done.out
    assert f"validation: {validation}; test: {test}" in done.out
    file = read_study_file(Path("study.yaml"))
    assert (file.data.train, file.data.validation, file.data.test) == (train, validation, test)


@pytest.mark.parametrize(
    "names",
    [
        ["train.csv"],
        ["train.csv", "train.tsv", "test.csv"],
        ["train_1.csv", "train_2.csv", "train_test.csv"],
        ["rows.csv"],
        ["train.csv", "more.csv"],
        ["train.csv", "test.csv", "README.md"],
    ],
)
def test_other_folders_are_one_data_set_as_ever(names: Sequence[str]) -> None:
    Path("data").mkdir()
    for name in names:
        write(Path("data", name), list(reviews()))
    if "README.md" in names:
        card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: train, path: test.csv}\n---\n"
        Path("data/README.md").write_text(card)
    started = start_study("data", Path("study.yaml"))
    assert (started.file.data.train, started.file.data.validation, started.file.data.test) == ("data", 0.2, None)


def test_the_files_that_are_read_of_a_folder_are_named(autotune: Command) -> None:
    Path("data").mkdir()
    rows = list(reviews())
    for number in range(7):
        write(Path("data", f"rows{number}.csv"), rows)
        if number == 1:
            told = autotune("init", "data", "-o", "two.yaml")
            assert "\nreads 2 files: rows0.csv, rows1.csv\n" in told.out
    told = autotune("init", "data", "-o", "seven.yaml")
    assert "\nreads 7 files: rows0.csv, rows1.csv, rows2.csv, rows3.csv, rows4.csv, …\n" in told.out
    assert "reads" not in autotune("init", "data/rows0.csv", "-o", "one.yaml").out


def test_a_split_of_a_folder_that_is_asked_for_is_what_it_says(place: Path) -> None:
    Path("data").mkdir()
    for name in ("train", "test"):
        write(Path("data", f"{name}.csv"), list(reviews()))
    assert start_study("data@train", Path("study.yaml")).file.data.train == "data@train"


def test_the_same_format_beside_comes_first() -> None:
    rows = list(reviews(120))
    for name, part in {"train.csv": rows[:80], "test.jsonl": rows[80:], "test.csv": rows[80:]}.items():
        write(Path(name), part)
    assert start_study("train.csv", Path("study.yaml")).file.data.test == "test.csv"


def test_a_second_file_beside_is_told(autotune: Command) -> None:
    rows = list(reviews(120))
    parts = {"train.csv": rows[:80], "val.csv": rows[80:90], "validation.csv": rows[90:100], "test.csv": rows[100:]}
    for name, part in {**parts, "test.jsonl": rows[100:]}.items():
        write(Path(name), part)
    done = autotune("init", "train.csv")
    assert done.code == 0, done.err
    assert "validation: validation.csv; test: test.csv" in done.out
    assert (
        "left out: file 'val.csv': 'validation.csv' comes first; for these rows instead, write `validation: val.csv`"
        in done.out
    )
    assert "left out: file 'test.jsonl': 'test.csv' comes first; " in done.out


def test_a_file_beside_that_cannot_serve_is_told(autotune: Command) -> None:
    rows = list(reviews())
    write(Path("train.csv"), rows)
    write(Path("validation.csv"), [{**row, "label": "unheard of"} for row in rows])
    write(Path("test.csv"), [{"text": row["text"]} for row in rows])
    done = autotune("init", "train.csv")
    assert done.code == 0, done.err
    assert "left out: file 'validation.csv': " in done.out
    assert "left out: file 'test.csv': " in done.out
    assert read_study_file(Path("study.yaml")).data.validation == 0.2


def test_labels_of_a_file_beside_that_training_has_not_are_told_one_a_line(autotune: Command) -> None:
    rows = list(reviews())
    write(Path("train.csv"), rows)
    write(Path("test.csv"), [{**row, "label": ("good", "new", "other")[row["id"] % 3]} for row in rows])
    done = autotune("init", "train.csv")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    start = lines.index("left out: file 'test.csv': test.csv has 2 mistakes:")
    for line, label in zip(lines[start + 1 : start + 3], ("new", "other"), strict=True):
        assert f"label '{label}' is not among the training labels ('bad', 'good'); it is in 20 rows" in line
    assert lines[start + 3].startswith("wrote study.yaml")


@pytest.mark.parametrize("given", ["{folder}/rows.csv", "rows.csv", "./rows.csv", "../{name}/rows.csv"])
@pytest.mark.parametrize("output", ["study.yaml", "studies/study.yaml", "{folder}/studies/study.yaml"])
def test_the_path_is_relative_to_the_file(given: str, output: str, place: Path) -> None:
    write(Path("rows.csv"), list(reviews()))
    Path("studies").mkdir()
    written = Path(output.format(folder=place))
    started = start_study(given.format(folder=place, name=place.name), written)
    assert started.file.data.train == ("../rows.csv" if "studies" in output else "rows.csv")
    assert read_study_file(written) == started.file


def test_a_folder_and_its_split_and_a_data_set_of_the_hub(place: Path) -> None:
    (place / "set").mkdir()
    (place / "studies").mkdir()
    write(place / "set" / "train.csv", list(reviews()))
    started = start_study("set", Path("studies/study.yaml"))
    assert (started.file.name, started.file.data.train) == ("set", "../set")
    folder = resolve_source("set:default@test", Path())
    assert written_path(folder, Path("studies")) == "../set:default@test"
    hub = resolve_source("owner/name:config@train", Path())
    assert (written_path(hub, Path("studies")), study_name(hub)) == ("owner/name:config@train", "name")


def test_a_path_that_is_no_text(autotune: Command) -> None:
    name = "\udcff.csv"  # how Python reads a file's name that is no UTF-8
    write(Path("rows.csv"), list(reviews()))
    try:
        Path("rows.csv").rename(name)
    except OSError:
        pytest.skip("this file system has no such names")
    done = autotune("init", name)
    assert (done.code, done.out) == (2, "")
    assert "UTF-8" in done.err
    assert not Path("study.yaml").exists()


def test_of_several_texts_the_longest_is_read_and_a_comment_says_so() -> None:
    rows = [
        {"title": f"No {row['id']}: {row['aspect']}", "opinion": row["text"], "label": row["label"]}
        for row in reviews()
    ]
    assert main_of(made(rows))["text"] == "opinion"
    assert "  # 2 labels: good 40, bad 20; the longest texts are in 'opinion'" in Path("study.yaml").read_text()


def test_a_second_text_may_be_read_with_the_first(autotune: Command) -> None:
    rows = [
        {"title": f"No {row['id']}: {row['aspect']}", "body": row["text"], "label": row["label"]} for row in reviews()
    ]
    write(Path("rows.csv"), rows)
    done = autotune("init", "rows.csv")
    assert "left out: column 'title': texts of " in done.out
    assert "; to read it too, give the tasks `text_pair: title`" in done.out
    text = Path("study.yaml").read_text().replace("text: body", "text: body, text_pair: title")
    Path("study.yaml").write_text(text)
    assert {task.columns()["text_pair"] for task in read_study_file(Path("study.yaml")).tasks.values()} == {"title"}


@pytest.mark.parametrize(("rare", "objective"), [(6, "label.balanced_accuracy"), (7, "label.accuracy")])
def test_where_nearly_all_rows_have_one_label_accuracy_is_no_objective(
    rare: int, objective: str, autotune: Command
) -> None:
    rows = [{"text": row["text"], "label": "rare" if row["id"] < rare else "usual"} for row in reviews()]
    write(Path("rows.csv"), rows)
    done = autotune("init", "rows.csv")
    assert done.code == 0, done.err
    assert read_study_file(Path("study.yaml")).objective == objective
    told = "; balanced_accuracy, as a constant answer has an accuracy of 90.0%" in done.out
    (line,) = (line for line in Path("study.yaml").read_text().splitlines() if line.startswith("objective:"))
    assert told == ("nearly all have one label" in line) == (rare == 6)
    assert line.endswith("accuracy, f1, mcc, log_loss")


HOSTILE = "a: {b}, # 'c'\n\"d\" \x1b[31m\u202e[x]"


def test_names_and_labels_of_any_characters_stay_what_they_are(autotune: Command) -> None:
    rows = [{HOSTILE: row["text"], f"{HOSTILE}2": f"{HOSTILE}{row['label']}"} for row in reviews()]
    write(Path("rows.jsonl"), rows)
    done = autotune("init", "rows.jsonl")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    text = Path("study.yaml").read_text(encoding="utf-8")
    assert "\x1b" not in text
    tasks = list(read_study_file(Path("study.yaml")).tasks.values())
    assert (getattr(tasks[0], "text", ""), getattr(tasks[0], "label", "")) == (HOSTILE, f"{HOSTILE}2")


def test_names_that_torch_has_already_and_names_in_other_scripts() -> None:
    rows = [
        {"评论": row["text"], "类别": row["label"], "keys": row["aspect"], "a b": row["id"] % 3} for row in reviews()
    ]
    assert list(made(rows).file.tasks) == ["column_2", "task_keys", "a_b", "reconstruct"]


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_a_line_of_yaml_is_read_as_what_was_written(values: dict[str, str]) -> None:
    line = write_line({"key": values})
    assert len(line.splitlines()) == 1
    assert read_document(f"{line[1:-1]}  # said", "x").values["key"] == values


NAMES = st.sampled_from(["text", "label", "tags", "tokens", "score", "answer", "question", "context", "id", "a", "b #"])
TEXTS = [str(row["text"]) for row in reviews(143)]
WILD = st.one_of(st.text(max_size=12), st.integers(-3, 30), st.none(), st.lists(st.sampled_from("ab"), max_size=3))
SORTS: list[st.SearchStrategy[Any]] = [
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(["good", "bad", "Good"]),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["a|b", "b", "a"]),
    st.sampled_from(["O O B-x O O O O", "B-x I-x O O O O O", "I-x O O O O O O"]),
    st.lists(st.sampled_from(["O", "B-x", "I-x"]), min_size=3, max_size=3),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3),
    st.integers(0, 5),
    st.floats(allow_nan=False),
    st.sampled_from(["battery", "screen", "model"]),
    WILD,
]


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows of a few columns, most of them of one sort."""
    columns = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    count = draw(st.integers(1, 40))
    values = {name: draw(st.lists(draw(st.sampled_from(SORTS)), min_size=count, max_size=count)) for name in columns}
    return [{name: values[name][row] for name in columns} for row in range(count)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=tables(), kind=st.sampled_from([None, None, *get_args(Kind)]))
def test_any_table_gives_a_file_that_validates_or_an_error(rows: list[Row], kind: str | None) -> None:
    try:
        started = made(rows, "rows.jsonl", kind)
    except InputError:
        assert not Path("study.yaml").exists()
    else:
        assert read_study_file(Path("study.yaml")) == started.file


@pytest.mark.parametrize(
    ("name", "values", "form"),
    [
        ("verdict", ["a", "b"] * 10, Form.CLASSES),
        ("stars", ["1", "2", "5"] * 10, Form.CLASSES),
        ("label", [str(number % 15) for number in range(60)], Form.CLASSES),
        ("score", [str(number % 15) for number in range(60)], Form.NUMBERS),
        ("length", [str(number / 7) for number in range(60)], Form.NUMBERS),
        ("row", [str(number) for number in range(60)], Form.USELESS),
        ("user_id", ["a", "b"] * 10, Form.USELESS),
        ("sku", [f"X-{number}" for number in range(60)], Form.USELESS),
        ("text", ["a", "b"] * 10, Form.TEXT),
        ("note", ["", " "] * 10, Form.USELESS),
        ("list", ["['a', 'b']", "['b']"] * 10, Form.LABEL_LISTS),
        ("list", ["['a', 'b']", "b"] * 10, Form.USELESS),
        ("title", [f"word{'x' * number} | other" for number in range(20)], Form.TEXT),
    ],
)
def test_what_a_column_holds(name: str, values: list[str], form: Form) -> None:
    column = described(name, values)
    assert column.form is form, column.told


def described(name: str, values: list[str]) -> Column:
    (column,) = describe(with_written_lists(Table("rows.csv", {name: values}, range(len(values)), "")))
    return column


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("seen", [f"{1 + n % 28:02}.03.2024" for n in range(100)], "dates"),
        ("seen", [f"2024-01-{1 + n % 28:02}T10:00:00Z" for n in range(600)], "dates"),
        ("seen", [f"{1 + n % 9}/{1 + n % 28}/24" for n in range(600)], "dates"),
        ("score", [*(f"{n}.5" for n in range(95)), *["nan"] * 5], "95 different ones, empty in 5 rows"),
        (
            "score",
            [f"{n},{n % 7}" for n in range(100)],
            "numbers with a decimal comma; write 3.14 with a point",
        ),
        (
            "labels",
            ["['a', 'b']", "b"] * 10,
            "but line 1 holds 'b'; write a list such as ['a', 'b'] in every row, or give the values with '|'",
        ),
        ("tags", ["['a', 'b']", "b"] * 10, "or give the values with blanks between them"),
        (
            "Bewertung",
            [f"{n % 5},{n % 7}" for n in range(300)],
            "numbers with a decimal comma; write 3.14 with a point",
        ),
        ("amount", [f"{n},250" for n in range(1, 300)], "numbers with commas; write 3.14 with a point, and 12345"),
        ("score", [*(f"{n}.5" for n in range(95)), *["x"] * 5], "numbers except 'x'"),
        ("share", [f"{n % 90}%" for n in range(300)], "numbers with %, a currency or a unit; write them without"),
        ("price", [f"${n},234.50" for n in range(1, 300)], "numbers with %, a currency or a unit; write them without"),
        ("price", [f"{n}.234,50 €" for n in range(1, 300)], "numbers with %, a currency or a unit; write them without"),
        ("price", [f"-{n} EUR" for n in range(1, 300)], "numbers with %, a currency or a unit; write them without"),
        ("weight", [f"{n} kg" if n % 2 else f"{n} lb" for n in range(300)], "numbers with %, a currency or a unit"),
        ("label", [f"{n} kg" for n in range(300)], "numbers with %, a currency or a unit"),
        ("place", [f"{n}{'abcdefgh'[n % 8]}" for n in range(300)], "codes or dates"),
        ("labels", ["neg", "pos", "neg, cold", "pos, warm", ""] * 20, "then kind: multi_label, separator: ','"),
        ("labels", ["1,2", "1", "2,3", "3"] * 20, "then kind: multi_label, separator: ','"),
        ("labels", ["food,price", "food", "price,room", "room"] * 10, "then kind: multi_label, separator: ','"),
    ],
)
def test_what_a_column_seems_to_hold_is_said(name: str, values: list[str], told: str) -> None:
    assert told in described(name, values).told


@pytest.mark.parametrize(
    "values", [["Salem, OR", "Portland, OR"] * 20, ["1,5", "2,0", "2,5"] * 20, ["good", "bad"] * 20]
)
def test_labels_that_are_no_combinations_are_not_called_so(values: list[str]) -> None:
    column = described("place", values)
    assert column.form is Form.CLASSES
    assert "multi_label" not in column.told


def test_nothing_comes_of_no_columns() -> None:
    assert choose([]) is None


REAL = {
    "reviews1000/train.csv": ("classification", ["reconstruct"]),
    "snips/train.jsonl": ("token_classification", ["label", "reconstruct"]),
    "tweeteval/emotion/train.csv": ("classification", ["reconstruct"]),
    "waimai4000/train.csv": ("classification", ["reconstruct"]),
}


@pytest.mark.parametrize("name", REAL)
def test_real_data(name: str, shared_data: Path) -> None:
    kind, auxiliaries = REAL[name]
    started = start_study(str(shared_data / name), Path("study.yaml"))
    assert started.file.name == Path(name).parent.name
    assert main_of(started)["kind"] == kind
    assert auxiliaries_of(started) == auxiliaries
    data = started.file.data
    assert str(data.validation).endswith(f"validation{Path(name).suffix}")
    assert str(data.test).endswith(f"test{Path(name).suffix}")
    assert not started.checked.refused


def test_a_kind_that_is_asked_for_takes_the_column_that_holds_it(tmp_path: Path) -> None:
    """Not the one whose name is better known."""
    write(tmp_path / "a.csv", [{**row, "score": place * 0.37} for place, row in enumerate(reviews())])
    started = start_study(str(tmp_path / "a.csv"), tmp_path / "a.yaml", "regression")
    assert read_study_file(tmp_path / "a.yaml").objective == "score.rmse"
    assert started


def test_answers_that_stand_in_no_context_are_labels(tmp_path: Path) -> None:
    rows = [
        {"question": f"Or is it not: {row['text']}", "passage": row["text"], "answer": row["label"] == "good"}
        for row in reviews()
    ]
    write(tmp_path / "a.csv", rows)
    start_study(str(tmp_path / "a.csv"), tmp_path / "a.yaml")
    assert read_study_file(tmp_path / "a.yaml").objective == "answer.accuracy"


def test_a_column_with_a_very_long_name_is_a_task(tmp_path: Path) -> None:
    name = "How satisfied are you with what you bought " * 4
    write(tmp_path / "a.csv", [{"text": row["text"], "label": row["label"], name: row["aspect"]} for row in reviews()])
    start_study(str(tmp_path / "a.csv"), tmp_path / "a.yaml")
    assert any(task.startswith("How_satisfied") for task in read_study_file(tmp_path / "a.yaml").tasks)


def test_a_column_that_some_rows_lack_is_an_auxiliary_if_most_have_a_label(autotune: Command) -> None:
    rows = [
        {
            **{name: row[name] for name in ("text", "label")},
            "aspect": row["aspect"] if number % 2 else "",
            "rare": ("x", "y")[number % 4 < 2] if number % 8 in (0, 3) else "",
            "single": "lone" if number == 0 else row["aspect"][::-1],
            "same": row["label"] * (number > 5),
        }
        for number, row in enumerate(reviews(80))
    ]
    started = made(rows)
    assert auxiliaries_of(started) == ["aspect", "reconstruct"]
    assert started.checked.plan.tasks[1].why.endswith(", empty in 40 rows")
    left_out = started.checked.plan.left_out
    assert left_out["rare"].endswith(", empty in 60 rows; fewer than half of the rows have a label")
    assert left_out["single"].endswith("; each label needs two rows, and 'lone' has one")
    assert left_out["same"] == "duplicates 'label'"
    line = next(line for line in Path("study.yaml").read_text().splitlines() if line.startswith("  aspect:"))
    assert line.endswith(", empty in 40 rows")
    text = Path("study.yaml").read_text(encoding="utf-8")
    created(autotune, text)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_column_of_several_labels_brings_the_line_to_write(name: str, autotune: Command) -> None:
    sets = (["a", "b"], ["b"], ["c", "a"], [])
    rows = [
        {
            **{key: row[key] for key in ("text", "label")},
            "the kinds": sets[number % 4] if "parquet" in name else "|".join(sets[number % 4]),
        }
        for number, row in enumerate(reviews())
    ]
    told = made(rows, name).checked.plan.left_out["the kinds"]
    line = "the_kinds: {kind: multi_label, text: text, labels: the kinds}"
    assert told.endswith(f"; to learn them too, write `{line}` under tasks")
    text = Path("study.yaml").read_text(encoding="utf-8").replace("\n  reconstruct:", f"\n  {line}\n  reconstruct:")
    created(autotune, text)


@pytest.mark.parametrize("kind", [None, "classification"])
def test_a_column_that_some_rows_lack_is_the_main_task_if_it_is_all_there_is(
    kind: str | None, autotune: Command
) -> None:
    rows = [{"text": row["text"], "spam": row["id"] % 2 if row["id"] % 12 else ""} for row in reviews(120)]
    started = made(rows, kind=kind)
    assert main_of(started) == {"kind": "classification", "text": "text", "label": "spam"}
    assert started.checked.plan.tasks[0].why.endswith(", empty in 10 rows")
    text = Path("study.yaml").read_text(encoding="utf-8")
    assert "without a label" in created(autotune, text)


def test_a_column_that_most_rows_lack_is_the_main_task_where_somebody_asks_for_one() -> None:
    rows = [{"text": row["text"], "spam": row["id"] % 2 if row["id"] % 5 == 0 else ""} for row in reviews(120)]
    with pytest.raises(InputError, match="no column can be the text, or none its answer"):
        made(rows)
    assert main_of(made(rows, kind="classification"))["label"] == "spam"


def test_a_guess_has_a_label_in_every_row_if_it_can() -> None:
    rows = [{"text": row["text"], "a": row["label"] * (row["id"] > 5), "b": row["aspect"]} for row in reviews()]
    assert main_of(made(rows))["label"] == "b"
    lone = [{**row, "a": "lone" if number == 0 else row["a"] or "good"} for number, row in enumerate(rows)]
    assert main_of(made(lone, kind="classification"))["label"] == "b"


def test_a_column_with_gaps_hides_no_complete_target() -> None:
    rows = [
        {
            "text": row["text"],
            "region": "north" if row["id"] % 2 else "south" if row["id"] % 5 else "",
            "marks": ("price|food", "food", "price", "place|food")[row["id"] % 4],
        }
        for row in reviews()
    ]
    assert main_of(made(rows)) == {"kind": "multi_label", "text": "text", "labels": "marks"}


@pytest.mark.parametrize("flag", [("True", "False"), ("sports", "politics")])
def test_a_flag_is_no_second_text(flag: Sequence[str]) -> None:
    rows = [{"text": row["text"], "text_pair": flag[row["id"] % 2], "label": row["label"]} for row in reviews()]
    assert main_of(made(rows)) == {"kind": "classification", "text": "text", "label": "label"}


@pytest.mark.parametrize("name", ["tags", "labels", "anything"])
def test_several_labels_with_another_separator_are_read_with_it_where_somebody_asks(
    name: str, autotune: Command
) -> None:
    sets = ("sport, tech", "tech", "music, sport", "", "music")
    rows = [{"text": row["text"], name: sets[row["id"] % 5]} for row in reviews()]
    started = made(rows, kind="multi_label")
    assert main_of(started) == {"kind": "multi_label", "text": "text", "labels": name, "separator": ","}
    assert started.checked.plan.tasks[0].why.endswith("labels with ',' between them, empty in 12 rows")
    text = Path("study.yaml").read_text(encoding="utf-8")
    created(autotune, text)


def test_several_labels_of_many_combinations_are_read_where_somebody_asks() -> None:
    words = ("happy", "sad", "calm", "angry", "tired", "proud")
    sets = ["; ".join(each) for count in (1, 2, 3) for each in combinations(words, count)]
    rows = [
        {"lyrics": f"{row['text']}; or so, {row['text']}; and on", "moods": sets[row["id"] % len(sets)]}
        for row in reviews(120)
    ]
    started = made(rows, kind="multi_label")
    assert main_of(started) == {"kind": "multi_label", "text": "lyrics", "labels": "moods", "separator": ";"}


@pytest.mark.parametrize("few", ["premise", "hypothesis"])
def test_one_text_of_a_pair_may_be_one_of_a_few(few: str) -> None:
    many = "premise" if few == "hypothesis" else "hypothesis"
    rows = [{many: row["text"], few: f"It is about the {row['aspect']}.", "label": row["label"]} for row in reviews()]
    started = made(rows)
    settings = {"kind": "classification", "text": "premise", "text_pair": "hypothesis", "label": "label"}
    assert main_of(started) == settings
    assert auxiliaries_of(started) == ["reconstruct"]
    started = made([{"label": row["label"], few: row[few], "text": row[many]} for row in rows])
    assert main_of(started) == {"kind": "classification", "text": "text", "label": "label"}


@pytest.mark.parametrize("text", ["query", "utterance"])
def test_tags_of_the_words_of_a_query_are_no_second_text(text: str) -> None:
    rows = [{text: row["text"], "intent": row["label"], "slot filling": " ".join(tags(row))} for row in reviews()]
    settings = {"kind": "token_classification", "tokens": text, "tags": "slot filling"}
    assert main_of(started := made(rows)) == settings
    assert auxiliaries_of(started) == ["intent", "reconstruct"]
    started = made(rows, kind="classification")
    assert main_of(started) == {"kind": "classification", "text": text, "label": "intent"}
    assert [dict(task.settings) for task in started.checked.plan.tasks[1:-1]] == [settings]


def test_tags_of_the_words_of_any_text_bring_the_line_to_write(autotune: Command) -> None:
    texts = [{**row, "text": f"{'Well, ' * (row['id'] % 13)}{row['text']}"} for row in reviews()]
    rows = [{"message": row["text"], "label": row["label"], "the slots": " ".join(tags(row))} for row in texts]
    told = made(rows).checked.plan.left_out["the slots"]
    line = "the_slots: {kind: token_classification, tokens: message, tags: the slots}"
    assert told.endswith(f"; a tag for every word of 'message'; to learn them too, write `{line}` under tasks")
    text = Path("study.yaml").read_text(encoding="utf-8").replace("\n  reconstruct:", f"\n  {line}\n  reconstruct:")
    created(autotune, text)


def test_the_other_splits_of_a_saved_data_set_are_told(autotune: Command) -> None:
    from datasets import Dataset, DatasetDict

    rows = [{name: row[name] for name in ("text", "label")} for row in reviews(90)]
    parts = {"train": rows[:60], "validation": rows[60:75], "test": rows[75:]}
    DatasetDict({name: Dataset.from_list(part) for name, part in parts.items()}).save_to_disk("saved")
    Path("studies").mkdir()
    done = autotune("init", "saved", "-o", "studies/study.yaml")
    assert done.code == 0, done.err
    text = Path("studies/study.yaml").read_text(encoding="utf-8")
    for kind in ("validation", "test"):
        line = f"{kind}: ../saved@{kind}"
        how = "in place of that under data" if kind == "validation" else "under data"
        assert f"left out: split '{kind}': for these rows, write `{line}` {how}" in done.out
        text = re.sub(rf"(?m)^  {kind}: .*\n", "", text).replace("\ndata:\n", f"\ndata:\n  {line}\n")
    text = text.replace("sentence-transformers/all-MiniLM-L6-v2", "scratch:tiny")
    Path("studies/study.yaml").write_text(text, encoding="utf-8")
    done = autotune("study", "create", "studies/study.yaml", "--dry-run")
    assert done.code == 0, done.err
    assert "training: label 60 rows" in done.out
    assert "validation: 15 rows" in done.out
    done = autotune("init", "saved@validation")
    assert done.code == 0, done.err
    assert "left out" not in done.out


def test_one_saved_split_is_told_how_to_become_a_file(autotune: Command, place: Path) -> None:
    from datasets import Dataset

    saved = Dataset.from_list([{name: row[name] for name in ("text", "label")} for row in reviews()])
    saved.save_to_disk("saved")
    done = autotune("init", "saved")
    assert (done.code, done.out) == (2, "")
    line = f"datasets.load_from_disk({str(place / 'saved')!r}).to_parquet('saved.parquet')"
    assert "saved: a folder that `save_to_disk` of datasets wrote, which is not read; " in done.err
    assert f"write it as a Parquet file (in Python: `{line}`), and give the path of that" in done.err
    saved.to_parquet("saved.parquet")
    assert autotune("init", "saved.parquet").code == 0
