"""What nearly equals a held-out text: found as by comparing all with all, and no more than that."""

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from autotune.objectives.data.cleaning import normalised
from autotune.objectives.data.near import NEAR, SHORTEST, near_copies, near_duplicates, neighbours
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA


@pytest.mark.parametrize(
    ("text", "other", "near"),
    [
        ("Works great!.", "works  GREAT.", True),
        ("The sound is great here", "The sound is graet here", True),
        ("It keeps going up and up", "It keeps goiing up and up", True),
        ("Item 12 is fine", "Item 13 is fine", False),
        ("Item 12 is fine", "Item 12 is fin", True),
        ("It keeps going up and up and up, they say", "It keeps going up and up and down, they say", False),
        ("good", "food", False),
        ("good", "Good ", True),
        ("good one", "good ones", True),
        ("送餐很快", "送餐很慢", False),
        ("送餐很快，味道也不错，下次再来", "送餐很快，味道也不措，下次再来", True),
        ("", " ", False),
        ("a" * 100, "a" * 90, True),
        ("a" * 100, "a" * 89, False),
    ],
)
def test_what_is_a_near_copy(text: str, other: str, near: bool):
    assert near_copies([text], [other], NEAR) == near_copies([other], [text], NEAR) == [near]


def distance(one: list[str], other: list[str]) -> int:
    """The table of Wagner and Fischer, in full, with swapped neighbours as one edit."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        rows.append([i])
        for j, its in enumerate(other, 1):
            found = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (letter != its))
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                found = min(found, rows[i - 2][j - 2] + 1)
            rows[i].append(found)
    return rows[-1][-1]


def is_near(one: str, other: str, threshold: float) -> bool:
    """The documented rule on texts of one word, letter by letter."""
    one, other = normalised(one), normalised(other)
    longest = max(len(one), len(other))
    if not one or not other or re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return False
    allowed = max(1, int((1 - threshold) * longest + 1e-9)) if longest >= SHORTEST and threshold < 1 else 0
    return distance(list(one), list(other)) <= allowed


words = st.lists(st.text("ab1é", min_size=0, max_size=14), max_size=6)


@pytest.mark.slow
@given(words, words, st.sampled_from([0.7, 0.8, 0.9, 1.0]))
def test_the_blocks_find_what_comparing_all_with_all_finds(texts: list[str], others: list[str], threshold: float):
    found = list(neighbours(texts, others, threshold))
    assert found == [[j for j, other in enumerate(others) if is_near(text, other, threshold)] for text in texts]


@pytest.mark.parametrize(
    "edit", [lambda pair: pair[::-1], lambda pair: f"{pair}q", lambda pair: pair[:1], lambda pair: f"{pair[0]}q"]
)
@pytest.mark.parametrize("letters", ["abcdefghijklmnop", "ab"])
def test_a_long_text_may_have_an_edit_in_ten_characters_and_not_one_more(edit: Callable[[str], str], letters: str):
    """Swaps change most runs of three, and what all texts share changes none: neither may hide a copy."""
    draw = random.Random(0)
    pairs = [draw.choice([one + two for one in letters for two in letters if one != two]) for _ in range(200)]
    changed = [edit(pair) if place % 5 == 0 else pair for place, pair in enumerate(pairs)]
    text, other = "".join(pairs), "".join(changed)
    assert OSA.distance(text, other) <= max(len(text), len(other)) // 10
    assert near_copies([text, text[:-40]], [other], NEAR)[0]
    more = "".join(edit(pair) if place % 3 == 0 else pair for place, pair in enumerate(pairs))
    allowed = max(len(text), len(more)) // 10
    assert near_copies([text], [more], NEAR) == [OSA.distance(text, more) <= allowed]


def test_only_later_rows_of_the_same_label_are_near_duplicates():
    texts = ["The sound is great", "the sound is graet", "The sound is grest", "Something else", "The sound was gone"]
    assert near_duplicates(texts, None, 0.9) == [False, True, True, False, False]
    assert near_duplicates(texts, ["+", "-", "+", "+", "+"], 0.9) == [False, False, True, False, False]


def test_one_changed_letter_in_real_reviews_is_always_found(shared_data: Path):
    with (shared_data / "reviews1000" / "test.csv").open(encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    draw = random.Random(0)
    for text in texts:
        place = draw.choice([place for place, letter in enumerate(text) if letter.isalpha()])
        changed = text[:place] + ("q" if text[place].lower() != "q" else "z") + text[place + 1 :]
        assert near_copies([changed], texts, NEAR) == [True]


def test_the_shipped_reviews_are_not_gutted():
    file = Path(__file__).parents[2] / "studies" / "quickstart" / "reviews.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    assert sum(near_duplicates(texts, None, 0.9)) <= 10
