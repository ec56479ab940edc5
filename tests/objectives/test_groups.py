"""Rows that belong together (`data.group`) never stand on both sides of a split."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from autotune.objectives.corpus.corpus import Corpus
from autotune.objectives.corpus.grouping import Grouping
from autotune.objectives.corpus.notes import Notes
from autotune.objectives.corpus.reading import read_corpus
from autotune.objectives.data.grouped_splits import group_numbers, grouped_folds, grouped_split
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table
from autotune.objectives.settings import DataSettings
from autotune.spaces.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

from .corpora import read, tasks_of, write

HEADER = ("text", "label", "patient")
OTHER = {"main": {"kind": "classification"}, "other": {"kind": "classification", "data": {"train": "own.csv"}}}


def rows(patients: int, each: int = 4, what: str = "note") -> list[tuple[str, str, str]]:
    """Some rows of each patient, with labels that differ between patients, in an order that mixes these."""
    return [
        (f"{what} number {turn} {patient} on him", "good" if (patient + turn // 3) % 2 else "bad", f"p{patient}")
        for turn in range(each)
        for patient in range(patients)
    ]


def groups(table: Table) -> set[str]:
    return set(table.column("patient"))


def refused(folder: Path, **data: Any) -> str:  # noqa: ANN401
    with pytest.raises(DataError) as caught:
        read(folder, group="patient", **data)
    return str(caught.value)


def told(corpus: Corpus) -> list[tuple[str, int, str]]:
    return [(found.what, found.count, found.action) for found in corpus.findings]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=4, max_size=80),
    st.floats(0.01, 0.99),
    st.integers(0, 3),
    st.booleans(),
)
def test_no_group_is_torn(pairs: list[tuple[int, str]], fraction: float, seed: int, stratified: bool):
    numbers = [0, 1, 2, 3, *(group for group, _ in pairs[4:])]
    labels = ["a", "a", "b", "b", *(label for _, label in pairs[4:])] if stratified else None
    splits = [grouped_split(numbers, labels, fraction, seed), *grouped_folds(numbers, labels, 2, seed)]
    for training, held in splits:
        assert sorted(training + held) == list(range(len(numbers)))
        assert training == sorted(training)
        assert held == sorted(held)
        assert training
        assert held
        assert not {numbers[row] for row in training} & {numbers[row] for row in held}
    assert grouped_split(numbers, labels, fraction, seed) == splits[0]


def test_parts_that_rare_classes_leave_empty_are_not_held_out():
    numbers = [0] * 5 + [1] * 4 + [2] * 4 + [3] * 3 + [4] * 3
    labels = [*["a"] * 17, "b", "c"]
    for seed in range(100):
        training, held = grouped_split(numbers, labels, 0.05, seed)
        assert training
        assert held


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.01, 0.03, 0.04, 0.2, 0.33, 0.96, 0.98])
@pytest.mark.parametrize("classes", [None, 2])
def test_a_share_is_kept_where_groups_are_many(fraction: float, classes: int | None):
    labels = None if classes is None else [str(row % classes) for row in range(1000)]
    _, held = grouped_split(list(range(1000)), labels, fraction, 0)
    assert len(held) == pytest.approx(1000 * fraction, abs=20)


def test_one_large_group_is_not_held_out_where_others_are_nearer_to_the_share():
    numbers = [0] * 100 + [1 + row // 5 for row in range(100)]
    labels = [str(row % 3) for row in range(200)]
    for seed in range(12):
        _, held = grouped_split(numbers, labels, 0.2, seed)
        assert len(held) <= 40
        assert {labels[row] for row in held} == {*labels}


def test_a_number_names_the_same_group_with_a_point_and_without(tmp_path: Path):
    """Pandas writes 12.0 where a column has an empty cell."""
    cells = Grouping("doc", drops=True, notes=Notes()).cells
    (tmp_path / "a.csv").write_text("text,doc\na,12\nb,\n", encoding="utf-8")
    pd.DataFrame({"text": ["a", "b"], "doc": [12.0, None]}).to_parquet(tmp_path / "b.parquet")
    assert [cells(load_table(resolve_source(name, tmp_path))) for name in ("a.csv", "b.parquet")] == [["12", ""]] * 2


def test_classes_keep_their_shares_as_well_as_groups_allow():
    numbers = [row // 5 for row in range(1000)]
    labels = ["rare" if row // 5 % 10 == 0 else "a" if row % 2 else "b" for row in range(1000)]
    for seed in range(4):
        _, held = grouped_split(numbers, labels, 0.3, seed)
        assert len(held) == pytest.approx(300, abs=15)
        assert Counter(labels[row] for row in held)["rare"] == pytest.approx(30, abs=5)
    for _, held in grouped_folds(numbers, labels, 4, 0):
        assert len(held) == pytest.approx(250, abs=5)
        assert Counter(labels[row] for row in held)["rare"] == pytest.approx(25, abs=5)


def test_a_class_of_one_group_is_trained_on():
    numbers = [row // 2 for row in range(20)]
    labels = ["rare", "rare", *("ab" * 9)]
    for seed in range(10):
        training, _ = grouped_split(numbers, labels, 0.2, seed)
        assert {"rare", "a", "b"} == {labels[row] for row in training}


def test_another_seed_holds_out_other_groups():
    numbers = [row // 5 for row in range(100)]
    labels = ["ab"[row % 2] for row in range(100)]
    assert len({tuple(grouped_split(numbers, labels, 0.2, seed)[1]) for seed in range(6)}) > 4
    assert len({str(grouped_folds(numbers, None, 4, seed)) for seed in range(6)}) > 4


def test_an_empty_cell_is_a_group_of_its_own():
    numbers = group_numbers(["a", "", "a ", " ", "b"])
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == 4


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_share_holds_out_whole_groups(tmp_path: Path, kind: str, seed: int):
    write(tmp_path / "train.csv", [(text, str(len(label)), group) for text, label, group in rows(20)], HEADER)
    settings = DataSettings.model_validate({"train": "train.csv", "group": "patient", "validation": 0.25})
    tasks = tasks_of({"main": {"kind": kind}, "words": {"kind": "masked_lm"}})
    corpus = read_corpus(settings, tasks, tmp_path, seed)
    assert len(groups(corpus.validation)) == 5
    for table in corpus.train.values():
        assert len(table) == 60
        assert not groups(table) & groups(corpus.validation)
    assert not corpus.findings


def test_folds_hold_out_whole_groups(tmp_path: Path):
    write(tmp_path / "train.csv", rows(12), HEADER)
    write(tmp_path / "own.csv", [(f"an own {text}", label, group) for text, label, group in rows(12, 2)], HEADER)
    corpus = read(tmp_path, OTHER, group="patient", validation={"folds": 3})
    table, own = corpus.train["main"], corpus.train["other"]
    patients, others = table.column("patient"), own.column("patient")
    assert sorted(row for fold in corpus.folds for row in fold.held["main"]) == list(range(len(table)))
    for fold in corpus.folds:
        held = {patients[row] for row in fold.held["main"]}
        assert len(held) == 4
        assert not held & {patients[row] for row in fold.train["main"]}
        assert {others[row] for row in fold.train["other"]} == set(others) - held
    loose = read(tmp_path, OTHER, group="patient", validation={"folds": 3}, clean={"drop_leaks": False})
    assert all(len(fold.train["other"]) == len(own) for fold in loose.folds)


def test_rows_of_a_held_out_group_leave_training(tmp_path: Path):
    write(tmp_path / "train.csv", rows(10), HEADER)
    write(tmp_path / "held.csv", [("quite another text", "good", "p1"), ("as unlike as can be", "bad", "p77")], HEADER)
    write(tmp_path / "test.csv", [("the last of all", "good", "p2"), ("the first of all", "bad", "")], HEADER)
    own = [("own words of hers", "a", "p1"), ("his words", "b", "p5"), ("ours", "a", ""), ("that of both", "b", "p5")]
    write(tmp_path / "own.csv", own, HEADER)
    files: dict[str, Any] = {"group": "patient", "validation": "held.csv", "test": "test.csv"}
    corpus = read(tmp_path, OTHER, **files)
    assert groups(corpus.train["main"]) == {f"p{patient}" for patient in range(10)} - {"p1", "p2"}
    assert groups(corpus.train["other"]) == {"p5", ""}
    what = "row of a group ('patient') that is in validation or test data too"
    assert told(corpus) == [(f"train.csv: {what}", 8, "dropped"), (f"own.csv: {what}", 1, "dropped")]
    kept = read(tmp_path, **files, clean={"drop_leaks": False})
    assert len(kept.train["main"]) == 40
    assert told(kept) == [(f"train.csv: {what}", 8, "noted")]


def test_rows_of_a_test_group_are_neither_trained_on_nor_drawn_for_validation(tmp_path: Path):
    write(tmp_path / "train.csv", rows(10), HEADER)
    write(tmp_path / "test.csv", [("the last of all", "good", "p2")], HEADER)
    corpus = read(tmp_path, group="patient", validation=0.3, test="test.csv")
    assert groups(corpus.train["main"]) | groups(corpus.validation) == {f"p{patient}" for patient in range(10)} - {"p2"}


def test_all_data_leaves_out_the_groups_of_test_alone(tmp_path: Path):
    write(tmp_path / "train.csv", rows(10), HEADER)
    write(tmp_path / "held.csv", [("quite another text", "good", "p1"), ("as unlike as can be", "bad", "p2")], HEADER)
    write(tmp_path / "test.csv", [("the last of all", "good", "p2")], HEADER)
    files: dict[str, Any] = {"group": "patient", "validation": "held.csv", "test": "test.csv"}
    corpus = read(tmp_path, all_data=True, **files)
    assert groups(corpus.train["main"]) == {f"p{patient}" for patient in range(10)} - {"p2"}
    assert len(corpus.train["main"]) == 37
    noted = ("held.csv: row of a group ('patient') that is in test data too", 1)
    assert (*noted, "dropped") in told(corpus)
    assert (*noted, "noted") in told(read(tmp_path, **files))


def test_a_held_out_file_without_the_column_is_told_of(tmp_path: Path):
    write(tmp_path / "train.csv", rows(10), HEADER)
    write(tmp_path / "test.csv", [("the last of all", "good")])
    what = "test.csv: no column 'patient', so nobody knows whether training has rows of its groups"
    assert told(read(tmp_path, group="patient", test="test.csv")) == [(what, 1, "noted")]


@pytest.mark.parametrize("validation", [0.5, {"folds": 2}])
def test_copies_of_a_text_stay_together_where_the_text_is_the_group(tmp_path: Path, validation: object):
    ratings = [(f"the text number {row // 3} that we rated", str(row % 5)) for row in range(60)]
    write(tmp_path / "train.csv", ratings)
    corpus = read(tmp_path, {"main": {"kind": "regression"}}, group="text", validation=validation)
    assert not corpus.findings
    if corpus.folds:
        texts = corpus.train["main"].column("text")
        for fold in corpus.folds:
            assert len(fold.train["main"]) + len(fold.held["main"]) == 60
            assert not {texts[row] for row in fold.train["main"]} & {texts[row] for row in fold.held["main"]}
    else:
        assert len(corpus.train["main"]) + len(corpus.validation) == 60
        assert not set(corpus.train["main"].column("text")) & set(corpus.validation.column("text"))


@pytest.mark.parametrize("group", [None, "patient"])
@pytest.mark.parametrize("validation", [0.5, {"folds": 2}])
def test_copies_of_a_text_with_other_labels_never_stand_on_both_sides(
    tmp_path: Path, group: str | None, validation: object
):
    given = [
        (f"the text number {row // 2} we rated", "good" if row % 2 else "bad", f"p{row % 20}") for row in range(40)
    ]
    write(tmp_path / "train.csv", given, HEADER)
    corpus = read(tmp_path, group=group, validation=validation, clean={"drop_conflicting_labels": False})
    texts = corpus.train["main"].column("text")
    pairs: list[tuple[Sequence[str], Sequence[str]]] = [
        ([texts[row] for row in fold.train["main"]], [texts[row] for row in fold.held["main"]]) for fold in corpus.folds
    ] or [(texts, corpus.validation.column("text"))]
    for trained, held in pairs:
        assert trained
        assert not set(trained) & set(held)


def test_a_share_that_groups_change_is_told_of(tmp_path: Path):
    write(tmp_path / "train.csv", rows(3, 20), HEADER)
    corpus = read(tmp_path, group="patient", validation=0.1)
    assert told(corpus) == [
        (
            "train.csv: data.validation: 0.1 of the rows was asked for, but the rows of a group stay together, so 0.33 "
            "is held out",
            20,
            "noted",
        )
    ]


def test_a_class_that_groups_leave_out_of_validation_is_told_of(tmp_path: Path):
    rare = [("a rare thing that she said", "rare", "p0"), ("one that never came again", "rare", "p0")]
    write(tmp_path / "train.csv", [*rows(10), *rare], HEADER)
    corpus = read(tmp_path, group="patient")
    (found,) = corpus.findings
    assert found.what == "train.csv: class without a held-out row, as the rows of a group stay together"
    assert (found.count, found.examples, found.action) == (1, ("rare",), "noted")


def test_groups_of_one_row_are_told_of(tmp_path: Path):
    write(tmp_path / "train.csv", [(text, label, str(row)) for row, (text, label, _) in enumerate(rows(10))], HEADER)
    (found,) = read(tmp_path, group="patient").findings
    assert found.what == "train.csv: data.group: each row has another 'patient', so that none belong together"


@pytest.mark.parametrize(
    ("data", "patients", "message"),
    [
        ({}, 1, "train.csv: task 'main': after cleaning, all rows are of one group ('p0'); a split needs two"),
        (
            {"validation": {"folds": 2}},
            1,
            "train.csv: task 'main': data.validation: all rows are of one group ('p0'); a split needs two",
        ),
        (
            {"validation": {"folds": 5}},
            3,
            "train.csv: task 'main': data.validation: there are 3 groups, fewer than the 5 folds",
        ),
        (
            {"test": "test.csv"},
            1,
            "train.csv: task 'main': all rows are of groups ('patient') that validation or test data have too",
        ),
    ],
)
def test_too_few_groups_are_an_error(tmp_path: Path, data: dict[str, Any], patients: int, message: str):
    write(tmp_path / "train.csv", rows(patients, 12), HEADER)
    write(tmp_path / "test.csv", [("the last of all", "good", "p0")], HEADER)
    assert refused(tmp_path, **data) == message


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path):
    write(tmp_path / "train.csv", rows(4), ("text", "label", "patients"))
    assert refused(tmp_path) == (
        "data.group: train.csv: there is no column 'patient', did you mean 'patients'?; "
        "its columns: 'text', 'label', 'patients'"
    )


def test_settings_of_earlier_versions_have_no_group():
    stored = '{"train": "train.csv", "validation": 0.2, "test": null}'
    assert DataSettings.model_validate_json(stored).group is None
