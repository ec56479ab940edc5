"""Broken encodings and spellings of labels: repaired in all rows alike, and the files stay as they are."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from autotune.objectives.corpus.corpus import Corpus
from autotune.objectives.data.repairs import spellings, with_repaired_texts
from autotune.objectives.data.table import Table
from autotune.spaces.errors import DataError
from hypothesis import given
from hypothesis import strategies as st

from .corpora import read, write

HONEST = ["“Quoted” — it’s fine…", "ﬁne ligature", "ｗｉｄｅ", "one\r\ntwo", "café naïve ß", "&amp; &lt;b&gt;", "好吃"]


def table(**columns: list[str]) -> Table:
    count = len(next(iter(columns.values())))
    return Table("x.csv", columns, range(2, count + 2), "")


def told(corpus: Corpus) -> list[tuple[str, str, int]]:
    return [(finding.action, finding.what, finding.count) for finding in corpus.findings]


def test_mojibake_is_repaired_and_honest_text_is_not_touched():
    broken = [text.encode().decode("cp1252") for text in ("café", "it’s naïve")]
    fixed, findings = with_repaired_texts(table(text=[*broken, *HONEST]))
    assert fixed.column("text") == ["café", "it’s naïve", *HONEST]
    assert [(found.count, found.action) for found in findings] == [(2, "repaired")]
    assert findings[0].examples[0] == f"{broken[0]} -> café"


@given(st.lists(st.text(st.characters(codec="ascii")), min_size=1, max_size=4))
def test_plain_text_is_never_changed(texts: list[str]):
    given = table(text=texts)
    assert with_repaired_texts(given) == (given, [])


def test_a_repair_that_would_change_the_number_of_words_is_left_out():
    broken = "voil\u00c3\u00a0l\u00c3\u00a0"  # its no-break spaces part it in two: voilàlà is one
    assert with_repaired_texts(table(tokens=[broken]))[0].column("tokens") == ["voilàlà"]
    assert with_repaired_texts(table(tokens=[broken]), {"tokens"})[0].column("tokens") == [broken]


def test_the_most_frequent_spelling_wins_and_the_first_of_equals():
    assert spellings(["Good", "good ", "good ", "BAD", "bad", " "]) == {"good": "good", "bad": "BAD"}


def test_labels_that_differ_in_more_than_case_and_blanks_are_two():
    assert spellings(["Masse", "Maße", "MASSE", "Masse"]) == {"masse": "Masse", "maße": "Maße"}
    assert spellings(["cafe\u0301", "CAFÉ", "caf\u00e9  ", "one  two", "One two"]).keys() == {"café", "one two"}


def test_labels_are_merged_in_all_files_and_the_files_stay(tmp_path: Path):
    rows = [(f"text {i}", "good" if i % 2 else "bad") for i in range(20)]
    write(tmp_path / "train.csv", [*rows, ("caf\u00c3\u00a9 one", "Good"), ("some other", " bad ")])
    write(tmp_path / "held.csv", [("held", "GOOD"), ("caf\u00c3\u00a9 two", "bad")])
    write(tmp_path / "test.csv", [("tested", "Bad"), ("tested too", "good")])
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    corpus = read(tmp_path, {"main": {"kind": "classification"}}, validation="held.csv", test="test.csv")
    assert corpus.tasks[0].labels == ("bad", "good")  # type: ignore[attr-defined]
    assert corpus.test is not None
    assert corpus.test.column("label") == ["bad", "good"]
    assert corpus.validation.columns == {"text": ["held", "café two"], "label": ["good", "bad"]}
    spelt = "label of task 'main' that differs in case, blanks or zeros"
    assert told(corpus) == [
        ("repaired", "train.csv: text in a broken encoding", 1),
        ("repaired", f"train.csv: {spelt}", 2),
        ("repaired", "held.csv: text in a broken encoding", 1),
        ("repaired", f"held.csv: {spelt}", 1),
        ("repaired", f"test.csv: {spelt}", 1),
    ]
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_nothing_is_repaired_where_the_study_says_so(tmp_path: Path):
    rows = [(f"text {i}", "good" if i % 2 else "bad") for i in range(20)]
    write(tmp_path / "train.csv", [*rows, ("caf\u00c3\u00a9 one", "Good"), ("some other", "Good")])
    kept = {"merge_labels": False, "repair_text": False}
    corpus = read(tmp_path, {"main": {"kind": "classification"}}, validation=0.25, clean=kept)
    assert corpus.tasks[0].labels == ("Good", "bad", "good")  # type: ignore[attr-defined]
    assert told(corpus) == []


@pytest.mark.parametrize("written", [["a|B", "A|b", "a", "a|b"], ["b | a", "A", "", "a|b"]])
def test_labels_between_separators_are_merged_one_by_one(tmp_path: Path, written: list[str]):
    write(tmp_path / "train.csv", [(f"text {i}", written[i % 4]) for i in range(16)], ("text", "labels"))
    corpus = read(tmp_path, {"main": {"kind": "multi_label"}}, validation=0.25)
    assert corpus.tasks[0].labels == ("a", "b")  # type: ignore[attr-defined]


def test_an_auxiliary_on_the_same_rows_has_its_own_spellings_and_shares_the_table(tmp_path: Path):
    rows = [(f"text {i}", "good" if i % 2 else "bad", "Up" if i < 3 else "up" if i < 12 else "down") for i in range(20)]
    write(tmp_path / "train.csv", rows, ("text", "label", "way"))
    write(tmp_path / "held.csv", [("held", "good"), ("held too", "bad")])
    tasks = {"main": {"kind": "classification"}, "way": {"kind": "classification", "label": "way"}}
    corpus = read(tmp_path, tasks, validation="held.csv")
    assert corpus.train["main"] is corpus.train["way"]
    assert [task.labels for task in corpus.tasks] == [("bad", "good"), ("down", "up")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("topics", [("p", None), (None, None)])
def test_held_out_rows_need_the_labels_of_measured_tasks_alone(tmp_path: Path, topics: Sequence[str | None]):
    rows = [(f"text {i}", "good" if i % 2 else "bad", "up" if i % 3 else "down") for i in range(20)]
    write(tmp_path / "train.csv", rows, ("text", "label", "topic"))
    held = [
        {"text": f"held {i}", "label": label, **({"topic": topic} if topic else {})}
        for i, (label, topic) in enumerate(zip(("Good", "bad"), topics, strict=True))
    ]
    (tmp_path / "held.jsonl").write_text("\n".join(map(json.dumps, held)), encoding="utf-8")
    tasks = {"main": {"kind": "classification"}, "topic": {"kind": "classification", "label": "topic"}}
    corpus = read(tmp_path, tasks, validation="held.jsonl", test="held.jsonl")
    assert corpus.validation.column("label") == ["good", "bad"]
    with pytest.raises(DataError, match=r"held.jsonl.*'topic'"):
        read(tmp_path, tasks, validation="held.jsonl", measured=["topic"])


def test_a_place_in_the_text_keeps_the_text_as_it_is(tmp_path: Path):
    context = "caf\u00c3\u00a9 and tea"
    rows = [(f"what {i} ?", context, "tea", str(context.index("tea"))) for i in range(8)]
    write(tmp_path / "train.csv", rows, ("question", "context", "answer", "start"))
    corpus = read(tmp_path, {"main": {"kind": "span", "start": "start"}}, validation=0.25)
    assert set(corpus.train["main"].column("context")) == {context}


def test_a_number_is_one_label_with_and_without_zeros(tmp_path: Path):
    """Pandas writes 1.0 where a column had a gap, and 1 where it had none."""
    write(tmp_path / "held.csv", [("held", "0.0"), ("too", "1.00")])
    rows = [(f"other {i}", "1.5") for i in range(2)]
    write(tmp_path / "train.csv", [(f"text {i}", str(i % 3)) for i in range(20)] + [("more", "2.0"), *rows])
    corpus = read(tmp_path, {"main": {"kind": "classification"}}, validation="held.csv")
    assert corpus.labels == {"main": ["0", "1", "1.5", "2"]}
    assert corpus.validation.column("label") == ["0", "1"]
    assert spellings(["1.0", "1.0", "1", "-2.0", "v1.0"]) == {"1": "1", "-2": "-2", "v1.0": "v1.0"}
    assert spellings(["1.0", "2.0", "2.00"]) == {"1": "1.0", "2": "2.0"}, "as every file has them"
