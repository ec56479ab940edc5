"""One suite that every text operation passes; a new operation needs no new test here."""

import random
import time
from collections import Counter

import pytest
from autotune.objectives.augmentation.bank import BATCH_OPERATIONS, OPERATIONS, TEXT_OPERATIONS, generate
from autotune.objectives.augmentation.noise import PUNCTUATION
from autotune.objectives.augmentation.operation import TextOperation
from autotune.objectives.augmentation.words import clusters
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.parametrize("operation", TEXT_OPERATIONS.values(), ids=TEXT_OPERATIONS.keys())

REVIEW = "The battery is superb but the screen is not good at all and the parcel came three weeks too late for us"

# What a careless operation tears apart: marks, joiners, flags, modifiers, Hangul, Indic and Thai clusters.
CLUSTERS = ("a", "B", "7", "!", "e\u0301", "o\u0323\u0308", "ß", "ф", "שׁ", "नि", "กำ", "각", "👍🏽", "👨‍👩‍👧", "🇩🇪")

texts = st.text(max_size=60)
magnitudes = st.floats(0, 1)
seeds = st.integers(0, 2**32)
written = st.lists(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=6).map("".join), min_size=1, max_size=8)


@given(text=texts, magnitude=magnitudes, seed=seeds)
def test_gives_valid_text_for_any_text(operation: TextOperation, text: str, magnitude: float, seed: int) -> None:
    result = operation.apply(text, magnitude, random.Random(seed))
    assert result.encode("utf-8").decode("utf-8") == result
    assert bool(result.strip()) == bool(text.strip())


@given(text=texts, seed=seeds)
def test_magnitude_zero_is_the_identity(operation: TextOperation, text: str, seed: int) -> None:
    assert operation.apply(text, 0.0, random.Random(seed)) == text


@given(text=texts, magnitude=magnitudes, seed=seeds)
def test_same_state_gives_same_result(operation: TextOperation, text: str, magnitude: float, seed: int) -> None:
    first, second = (operation.apply(text, magnitude, random.Random(seed)) for _ in range(2))
    assert first == second


@given(words=written, magnitude=magnitudes, seed=seeds)
def test_tears_no_character_apart(operation: TextOperation, words: list[str], magnitude: float, seed: int) -> None:
    text = " ".join(words)
    result = clusters(operation.apply(text, magnitude, random.Random(seed)))
    typed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ") | set(PUNCTUATION)
    assert set(result) <= set(clusters(text)) | typed


@given(word=st.text(min_size=1, max_size=30), magnitude=magnitudes, seed=seeds)
def test_keeps_a_text_of_one_word(operation: TextOperation, word: str, magnitude: float, seed: int) -> None:
    glued = "".join(word.split()) or "word"
    assert operation.apply(glued, magnitude, random.Random(seed)).strip()


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000, "👨‍👩‍👧 " * 16_000, "\n" * 100_000])
def test_long_text_takes_reasonable_time(operation: TextOperation, text: str) -> None:
    start = time.process_time()
    assert operation.apply(text, 1.0, random.Random(0))
    assert time.process_time() - start < 5.0  # a quadratic operation takes minutes; linear ones about 0.2 s


def moved(operation: TextOperation, magnitude: float) -> float:
    """Mean count of words of REVIEW that are not where they were."""
    words, total = REVIEW.split(), 0
    for seed in range(100):
        after = operation.apply(REVIEW, magnitude, random.Random(seed)).split(" ")
        total += sum(before != now for before, now in zip(words, after, strict=False)) + abs(len(after) - len(words))
    return total / 100


def test_effect_grows_with_magnitude(operation: TextOperation) -> None:
    effects = [moved(operation, magnitude) for magnitude in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert effects == sorted(set(effects))
    assert effects[0] == 0
    assert effects[-1] > len(REVIEW.split()) / 2


def test_declares_itself(operation: TextOperation) -> None:
    assert TEXT_OPERATIONS[operation.name] is operation
    assert operation.version >= 1
    assert len(operation.magnitude.split()) > 3


def test_bank_ignores_row_order(operation: TextOperation) -> None:
    rows = [f"{REVIEW} number {row}" for row in range(20)]
    forward = generate(rows, operation.name, 0.3, replica=0, seed=7)
    assert generate(rows[::-1], operation.name, 0.3, replica=0, seed=7) == forward[::-1]
    assert generate(rows[:1], operation.name, 0.3, replica=0, seed=7) == forward[:1]


@pytest.mark.parametrize(("replica", "seed"), [(1, 7), (0, 8)])
def test_bank_varies_with_replica_and_seed(operation: TextOperation, replica: int, seed: int) -> None:
    rows = [REVIEW] * 3
    assert generate(rows, operation.name, 0.3, replica, seed) != generate(rows, operation.name, 0.3, 0, 7)


@settings(max_examples=20)
@given(rows=st.lists(texts, max_size=5), magnitude=magnitudes)
def test_bank_gives_one_text_a_row(operation: TextOperation, rows: list[str], magnitude: float) -> None:
    assert len(generate(rows, operation.name, magnitude, replica=0, seed=0)) == len(rows)


def test_has_one_place_in_the_mix(operation: TextOperation) -> None:
    assert Counter(OPERATIONS)[operation.name] == 1
    assert set(TEXT_OPERATIONS) | set(BATCH_OPERATIONS) == set(OPERATIONS)
