"""Leaks, duplicates and contradictions that were planted are counted exactly, whatever else the study is made of."""

import csv
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.corpus.corpus import Corpus
from autotune.objectives.data.cleaning import Finding, rows

from .corpora import read, write

MAIN = {"main": {"kind": "classification"}}
LEAK, NEAR = "text also in validation or test data", "text nearly the same as one in validation or test data"


def counts(corpus: Corpus) -> dict[str, int]:
    return {finding.what: finding.count for finding in corpus.findings if finding.action == "dropped"}


def changed(text: str, draw: random.Random) -> str:
    """The text with one letter that is another."""
    place = draw.choice([place for place, letter in enumerate(text) if letter.isalpha()])
    return text[:place] + ("q" if text[place].lower() != "q" else "z") + text[place + 1 :]


def unlike(count: int, seed: int = 0) -> list[str]:
    """Texts that are no near-copies of each other."""
    draw = random.Random(seed)
    return [" ".join("".join(draw.choices("abcdefghij", k=6)) for _ in range(4)) for _ in range(count)]


def halves(texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(text, "good" if i % 2 else "bad") for i, text in enumerate(texts)]


@pytest.mark.slow
def test_all_planted_leaks_of_the_real_reviews_are_found(tmp_path: Path, shared_data: Path):
    parts: dict[str, list[tuple[str, str]]] = {}
    for part in ("train", "validation", "test"):
        with (shared_data / "reviews1000" / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
            parts[part] = [(row["text"], row["label"]) for row in csv.DictReader(stream)]
        write(tmp_path / f"{part}.csv", parts[part])
    files: dict[str, Any] = {"validation": "validation.csv", "test": "test.csv"}
    before = counts(read(tmp_path, **files))
    draw = random.Random(1)
    chosen = draw.sample(parts["test"], 100)
    exact, near = chosen[:50], [(changed(text, draw), label) for text, label in chosen[50:]]
    write(tmp_path / "train.csv", [*parts["train"], *exact, *near])
    kept = {file: file.read_bytes() for file in tmp_path.iterdir()}
    after = counts(read(tmp_path, **files))
    assert after[f"train.csv: {LEAK}"] == before[f"train.csv: {LEAK}"] + 50
    assert after[f"train.csv: {NEAR}"] == before.get(f"train.csv: {NEAR}", 0) + 50
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == kept
    off = counts(read(tmp_path, **files, clean={"near_leaks": None}))
    assert f"train.csv: {NEAR}" not in off


def test_planted_conflicts_and_duplicates_are_counted_exactly(tmp_path: Path):
    texts, draw = unlike(300), random.Random(2)
    clean = halves(texts)
    conflicts = [(text.upper(), "bad" if label == "good" else "good") for text, label in clean[:30]]
    duplicates = [(f" {text} ", label) for text, label in clean[100:140]]
    near = [(changed(text, draw), label) for text, label in clean[200:225]]
    write(tmp_path / "train.csv", [*clean, *conflicts, *duplicates, *near, ("  ", "good"), ("", "bad")])
    write(tmp_path / "held.csv", halves(unlike(10, seed=9)))
    corpus = read(tmp_path, validation="held.csv", clean={"near_duplicates": 0.9})
    assert counts(corpus) == {
        "train.csv: empty text": 2,
        "train.csv: text with conflicting labels": 60,
        "train.csv: duplicate": 40,
        "train.csv: near-duplicate": 25,
    }
    assert len(corpus.train["main"]) == 300 - 30
    assert "train.csv: near-duplicate" not in counts(read(tmp_path, validation="held.csv"))


def test_copies_on_both_sides_of_a_drawn_split_leave_training(tmp_path: Path):
    texts, draw = unlike(60), random.Random(3)
    write(tmp_path / "train.csv", [*halves(texts), *[(changed(text, draw), its) for text, its in halves(texts)]])
    corpus = read(tmp_path, validation=0.25)
    held, trained = corpus.validation.column("text"), corpus.train["main"].column("text")
    crossing = counts(corpus)[f"train.csv: {NEAR}"]
    assert len(held) == 30
    assert len(trained) == 120 - 30 - crossing
    loose = read(tmp_path, validation=0.25, clean={"near_leaks": None})
    # A row crosses where its twin, 60 lines apart, was drawn.
    drawn = {line - 2 for line in loose.validation.lines}
    assert crossing == sum((line - 2 + 60) % 120 in drawn for line in loose.train["main"].lines) > 0
    assert len(read(tmp_path, validation=0.25, all_data=True).train["main"]) == 120


def test_exact_copies_cross_no_split_even_where_duplicates_stay(tmp_path: Path):
    rows = halves(unlike(40))
    write(tmp_path / "train.csv", [*rows, *rows])
    corpus = read(tmp_path, validation=0.25, clean={"deduplicate": False})
    assert not set(corpus.validation.column("text")) & set(corpus.train["main"].column("text"))
    assert counts(corpus)[f"train.csv: {LEAK}"] == 80 - 20 - len(corpus.train["main"]) > 0


def test_a_fold_trains_on_no_near_copy_of_what_it_holds_out(tmp_path: Path):
    texts, draw = unlike(40), random.Random(4)
    write(tmp_path / "train.csv", [*halves(texts), *[(changed(text, draw), its) for text, its in halves(texts)]])
    own = [*halves(unlike(20, seed=8)), *[(changed(text, draw), its) for text, its in halves(texts[:10])]]
    write(tmp_path / "own.csv", own)
    tasks = {**MAIN, "own": {"kind": "classification", "data": {"train": "own.csv"}}, "words": {"kind": "masked_lm"}}
    corpus = read(tmp_path, tasks, validation={"folds": 4})
    split = read(tmp_path, tasks, validation={"folds": 4}, clean={"near_leaks": None})
    main, gone = 0, 0
    for fold, loose in zip(corpus.folds, split.folds, strict=True):
        held = set(range(80)) - set(loose.train["main"])
        assert set(fold.held["main"]) == held
        twins = {(row + 40) % 80 for row in held}
        assert set(fold.train["main"]) == set(loose.train["main"]) - twins
        assert fold.train["words"] == fold.train["main"]
        leaked = {20 + row % 40 for row in held if row % 40 < 10}
        assert set(fold.train["own"]) == set(range(30)) - leaked
        main += len(set(loose.train["main"]) & twins)
        exact = {corpus.train["main"].column("text")[row] for row in held}  # dropped already, as ever
        gone += sum(own[row][0] not in exact for row in leaked)
    what = "text nearly the same as one that its fold holds out, over all folds"
    assert counts(corpus) == {f"train.csv: {what}": main, f"own.csv: {what}": gone}


def test_an_auxiliarys_own_rows_are_guarded_too(tmp_path: Path):
    held, draw = halves(unlike(20, seed=5)), random.Random(5)
    write(tmp_path / "train.csv", halves(unlike(20)))
    write(tmp_path / "held.csv", held)
    write(tmp_path / "own.csv", [*halves(unlike(20, seed=6)), *[(changed(text, draw), its) for text, its in held[:7]]])
    tasks = {**MAIN, "own": {"kind": "classification", "data": {"train": "own.csv"}}}
    assert counts(read(tmp_path, tasks, validation="held.csv")) == {f"own.csv: {NEAR}": 7}


KINDS: dict[str, tuple[dict[str, Any], tuple[str, ...], Callable[[str, int], tuple[str, ...]], int]] = {
    "numbers never contradict": ({"kind": "regression"}, ("text", "label"), lambda text, i: (text, str(i)), 0),
    "sets of labels do": (
        {"kind": "multi_label"},
        ("text", "labels"),
        lambda text, i: (text, "a|b" if i % 2 else "b"),
        2,
    ),
    "tags do": (
        {"kind": "token_classification"},
        ("tokens", "tags"),
        lambda text, i: (text, " ".join(["X" if i % 2 else "Y", *"YYY"])),
        2,
    ),
    "pairs do": (
        {"kind": "classification", "text_pair": "other"},
        ("text", "other", "label"),
        lambda text, i: (text, text[::-1], "good" if i % 2 else "bad"),
        2,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_counts_its_own_conflicts_and_leaks(tmp_path: Path, kind: str):
    settings, header, row, contradictions = KINDS[kind]
    texts, draw = unlike(20), random.Random(6)
    held = unlike(6, seed=7)
    planted = [row(texts[0], 1), row(changed(held[0], draw), 0), row(held[1], 1), row(texts[3], 3)]
    write(tmp_path / "train.csv", [*[row(text, i) for i, text in enumerate(texts)], *planted], header)
    write(tmp_path / "held.csv", [row(text, i) for i, text in enumerate(held)], header)
    found = counts(read(tmp_path, {"main": settings}, validation="held.csv"))
    expected = {"text with conflicting labels": contradictions, "duplicate": 1, LEAK: 1, NEAR: 1}
    if "pair" in kind:
        del expected[NEAR]  # both texts of the pair are changed: one letter each, in two words
        found.pop(f"train.csv: {NEAR}", None)
    assert found == {f"train.csv: {what}": count for what, count in expected.items() if count}


def test_findings_are_json_and_their_examples_are_short_and_whole():
    finding = Finding.of("strange", ["x" * 79 + "e\u0301" * 9, "\ud800 half", "👩\u200d👩\u200d👧" * 40])
    assert json.loads(json.dumps(finding.to_json()))["count"] == 3
    assert all(len(example) <= 80 and example.encode() for example in finding.examples)
    assert finding.examples[0] == "x" * 79
    assert not finding.examples[2].endswith("\u200d")


def test_a_number_of_rows_in_words():
    assert [rows(count) for count in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
