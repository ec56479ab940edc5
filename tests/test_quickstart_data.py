"""The quickstart's reviews are what their generator writes, and hold the answer that it says it plants."""

import csv
import runpy
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "studies" / "quickstart"
REVIEWS = QUICKSTART / "reviews.csv"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "quickstart_reviews.py"))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with REVIEWS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_generator_writes_the_committed_file(generator: dict[str, Any], tmp_path: Path) -> None:
    generator["write"](generator["reviews"](), tmp_path / "reviews.csv")
    assert (tmp_path / "reviews.csv").read_bytes() == REVIEWS.read_bytes()


def test_thousand_different_rows_of_balanced_classes(rows: list[dict[str, str]]) -> None:
    assert len({row["text"] for row in rows}) == len(rows) == 1_000
    assert Counter(row["label"] for row in rows) == {"positive": 500, "negative": 500}
    assert set(Counter(row["aspect"] for row in rows).values()) == {200}
    assert len({row["weekday"] for row in rows}) == 7


def test_eight_percent_of_each_class_is_flipped(generator: dict[str, Any]) -> None:
    reviews = generator["reviews"]()
    flipped = Counter(review.truth for review in reviews if review.label != review.truth)
    assert flipped == {"positive": 40, "negative": 40}


def test_text_is_varied(rows: list[dict[str, str]]) -> None:
    words = Counter(word.strip(".,").lower() for row in rows for word in row["text"].split())
    assert len(words) > 350
    assert sum(count <= 3 for count in words.values()) > 100
    assert max(len(row["text"].split()) for row in rows) < 48


def test_negation_and_contrast_are_there(rows: list[dict[str, str]]) -> None:
    texts = [row["text"] for row in rows]
    for phrase in (" not good at all", " not bad at all", " could not be better", " could not be worse"):
        assert any(phrase in text for text in texts)
    assert 150 < sum(" but the " in text or " yet the " in text or "Although " in text for text in texts) < 250


@pytest.mark.parametrize(("aspects", "verdict"), [("battery screen sound", "positive"), ("price delivery", "negative")])
def test_direction_means_the_opposite_for_the_other_aspects(
    generator: dict[str, Any], aspects: str, verdict: str
) -> None:
    rising = [review for review in generator["reviews"]() if "keeps going up" in review.text]
    assert {review.truth for review in rising if review.aspect in aspects.split()} == {verdict}


def test_weekday_tells_nothing(rows: list[dict[str, str]]) -> None:
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        labels[row["weekday"]][row["label"]] += 1
    best_guess = sum(max(count.values()) for count in labels.values()) / len(rows)
    assert best_guess < 0.57  # seven random groups of 143 rows give 0.53 ± 0.01 by luck alone


def test_study_file_reads_these_columns(rows: list[dict[str, str]]) -> None:
    study = yaml.safe_load((QUICKSTART / "study.yaml").read_text("utf-8"))
    assert (QUICKSTART / study["data"]["train"]).samefile(REVIEWS)
    assert {task["label"] for task in study["tasks"].values()} | {"text"} == set(rows[0])
