"""One suite that every text operation passes; a new operation is one entry of OPERATIONS.

A model operation passes it too: its entry is made from a tiny model.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from autotune.objectives.augmentation.flip import Flip
from autotune.objectives.augmentation.lexicon import Lexicon, built_in
from autotune.objectives.augmentation.negation import NEGATIONS
from autotune.objectives.augmentation.noise import PUNCTUATION, WIDE_PUNCTUATION, Noise
from autotune.objectives.augmentation.operation import TextOperation
from autotune.objectives.augmentation.replace import Replace
from autotune.objectives.augmentation.reverse import Reverse
from autotune.objectives.augmentation.words import clusters
from autotune.objectives.data.row import Row
from hypothesis import example, given
from hypothesis import strategies as st

REVIEW = "The battery is superb but the screen is not good at all and the parcel came three weeks too late for us"
CHINESE = "送餐很快，味道不错，但是米饭太少，包装也很差"

SYNONYMS = {
    **{word: (f"{word}ish", f"un{word}", "more or less") for word in REVIEW.lower().split()},
    **{"味道": ("滋味",), "米饭": ("饭", "白饭"), "包装": ("包裹",), "送餐": ("配送",)},
}
OPPOSITES = {"positive": "negative", "negative": "positive"}


def built_in_lexicon() -> Lexicon:
    english, chinese = built_in("en"), built_in("zh")
    assert english is not None
    assert chinese is not None
    return english.joined(chinese)


OPERATIONS: tuple[TextOperation, ...] = (
    Noise(),
    Reverse(),
    Replace(SYNONYMS, "test"),
    Flip(built_in_lexicon(), OPPOSITES, NEGATIONS["en"]),
    Flip(built_in_lexicon(), OPPOSITES, NEGATIONS["zh"]),
)
pytestmark = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)

# What a careless operation tears apart: marks, joiners, flags, modifiers, Hangul, Indic, Thai and Han clusters.
CLUSTERS = ("a", "B", "7", "!", "e\u0301", "o\u0323\u0308", "ß", "ф", "שׁ", "नि", "กำ", "각", "好", "か\u3099", "，")
EMOJI = ("👍🏽", "👨‍👩‍👧", "🇩🇪")
TYPED = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ") | set(PUNCTUATION) | set(WIDE_PUNCTUATION)
TURNED = set("".join(word for pair in built_in_lexicon().antonyms.values() for word in pair)) | set("不没有是会能要想")

texts = st.text(max_size=60).filter(lambda text: bool(text.strip()))
magnitudes = st.floats(0, 1)
seeds = st.integers(0, 2**32)
written = st.lists(
    st.lists(st.sampled_from((*CLUSTERS, *EMOJI)), min_size=1, max_size=6).map("".join), min_size=1, max_size=8
)
some_words = st.lists(st.text(min_size=1, max_size=12).map(lambda text: "".join(text.split()) or "good"), min_size=1)


def row_of(*texts: str, is_words: bool = False) -> Row:
    return Row(texts, None if is_words or len(texts) > 1 else "positive", is_words)


def rewritten(operation: TextOperation, row: Row, magnitude: float, seed: int = 0) -> Row | None:
    (result,) = operation.rewrite([row], magnitude, replica=0, seed=seed)
    return result


def is_valid(texts: Sequence[str]) -> bool:
    return all(text.strip() and text.encode("utf-8").decode("utf-8") == text for text in texts)


@given(text=texts, magnitude=magnitudes, seed=seeds)
@example(text=REVIEW, magnitude=1.0, seed=0)
@example(text=CHINESE, magnitude=1.0, seed=0)
@example(text="not", magnitude=1.0, seed=0)
@example(text="不", magnitude=1.0, seed=0)
@example(text="شكرا جزيلا! \u202bשלום\u202c", magnitude=1.0, seed=0)
def test_gives_valid_text_for_any_text(operation: TextOperation, text: str, magnitude: float, seed: int) -> None:
    result = rewritten(operation, row_of(text), magnitude, seed)
    assert result is None or (len(result.texts) == 1 and is_valid(result.texts))


@given(text=texts, second=texts, seed=seeds)
def test_magnitude_zero_is_the_identity(operation: TextOperation, text: str, second: str, seed: int) -> None:
    assert rewritten(operation, row_of(text), 0.0, seed) == row_of(text)
    assert rewritten(operation, row_of(text, second), 0.0, seed) in {row_of(text, second), None}
    words = row_of(*text.split(), is_words=True)
    assert rewritten(operation, words, 0.0, seed) == (words if operation.keeps_words else None)


@given(text=texts, magnitude=magnitudes, seed=seeds)
def test_same_seed_gives_same_result(operation: TextOperation, text: str, magnitude: float, seed: int) -> None:
    assert rewritten(operation, row_of(text), magnitude, seed) == rewritten(operation, row_of(text), magnitude, seed)


@pytest.mark.slow
@given(words=written, magnitude=magnitudes, seed=seeds)
def test_tears_no_character_apart(operation: TextOperation, words: list[str], magnitude: float, seed: int) -> None:
    text = " ".join(words)
    result = rewritten(operation, row_of(text), magnitude, seed)
    assert set(clusters("".join(result.texts if result else ""))) <= set(clusters(text)) | TYPED | TURNED


@given(word=st.text(min_size=1, max_size=30), magnitude=magnitudes, seed=seeds)
def test_keeps_a_text_of_one_word(operation: TextOperation, word: str, magnitude: float, seed: int) -> None:
    result = rewritten(operation, row_of("".join(word.split()) or "word"), magnitude, seed)
    assert result is None or is_valid(result.texts)


@given(first=texts, second=texts, magnitude=magnitudes)
def test_rewrites_the_texts_of_a_pair_apart_or_refuses(
    operation: TextOperation, first: str, second: str, magnitude: float
) -> None:
    result = rewritten(operation, row_of(first, second), magnitude)
    if operation.needs_label:
        assert result is None
        return
    assert result is not None
    assert is_valid(result.texts)
    assert result.texts[1] == rewritten(operation, row_of(second, first), magnitude).texts[0]  # pyright: ignore


@pytest.mark.slow
@given(words=some_words, magnitude=magnitudes, seed=seeds)
@example(words=REVIEW.split(), magnitude=1.0, seed=0)
@example(words=["味道", "很", "好", "，", "7", "👍🏽"], magnitude=1.0, seed=1)
def test_words_stay_as_many_or_are_refused(
    operation: TextOperation, words: list[str], magnitude: float, seed: int
) -> None:
    result = rewritten(operation, row_of(*words, is_words=True), magnitude, seed)
    if not operation.keeps_words:
        assert result is None
        return
    assert result is not None
    assert result.is_words
    assert len(result.texts) == len(words)
    assert all(len(word.split()) == 1 for word in result.texts)
    assert is_valid(result.texts)


def test_words_are_rewritten(operation: TextOperation) -> None:
    row = row_of(*REVIEW.split(), is_words=True)
    results = operation.rewrite([row], 0.5, replica=0, seed=0)
    assert (results == [None]) != operation.keeps_words
    assert results != [row]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["word " * 20_000, "good " * 20_000, "x" * 100_000, "👨‍👩‍👧 " * 16_000, "好吃" * 50_000, "\n" * 99_999 + "a"],
)
def test_long_text_takes_linear_time(operation: TextOperation, text: str) -> None:
    start = time.process_time()
    rewritten(operation, row_of(text), 1.0)
    assert time.process_time() - start < 5.0  # a quadratic operation takes minutes; linear ones about 0.3 s


def moved(operation: TextOperation, magnitude: float) -> float:
    """Mean count of words of REVIEW that are not where they were; an operation that refuses it moves none."""
    words, total = REVIEW.split(), 0
    for seed in range(100):
        result = rewritten(operation, row_of(REVIEW), magnitude, seed)
        after = words if result is None else result.texts[0].split(" ")
        total += sum(before != now for before, now in zip(words, after, strict=False)) + abs(len(after) - len(words))
    return total / 100


def test_effect_grows_with_magnitude(operation: TextOperation) -> None:
    effects = [moved(operation, magnitude) for magnitude in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert effects == sorted(effects)
    assert effects[0] == 0 < effects[-1]
    if not operation.changes_label:  # what turns a sentence turns it whole or not at all
        assert 0 < effects[1] < effects[2]


def test_declares_itself(operation: TextOperation) -> None:
    assert operation.name.isidentifier()
    assert operation.version >= 1
    assert operation.fingerprint.startswith(str(operation.version))
    assert len(operation.magnitude.split()) > 3
    assert not operation.changes_label or operation.needs_label
    assert not (operation.needs_label and operation.keeps_words)


def test_ignores_a_rows_neighbours(operation: TextOperation) -> None:
    rows = [row_of(f"{REVIEW} number {row}") for row in range(20)]
    forward = operation.rewrite(rows, 0.3, replica=0, seed=7)
    assert operation.rewrite(rows[::-1], 0.3, replica=0, seed=7) == forward[::-1]
    assert operation.rewrite(rows[:1], 0.3, replica=0, seed=7) == forward[:1]
    assert operation.rewrite([], 0.3, replica=0, seed=7) == []


@pytest.mark.parametrize(("replica", "seed"), [(1, 7), (0, 8)])
def test_varies_with_replica_and_seed(operation: TextOperation, replica: int, seed: int) -> None:
    rows = [row_of(f"It is a good, nice and cheap {number}. {REVIEW}") for number in range(10)]
    assert operation.rewrite(rows, 0.5, replica, seed) != operation.rewrite(rows, 0.5, 0, 7)


def test_works_as_a_copy(operation: TextOperation) -> None:
    if operation.parallel:
        sent = copy.deepcopy(operation)
        rows = [row_of(REVIEW), row_of(CHINESE)]
        assert sent.rewrite(rows, 0.5, 0, 0) == operation.rewrite(rows, 0.5, 0, 0)
        assert sent.fingerprint == operation.fingerprint


def test_label_changes_only_where_declared(operation: TextOperation) -> None:
    row = row_of("The screen is good and the battery works well")
    result = rewritten(operation, row, 0.6)
    assert result is not None
    assert result.label == ("negative" if operation.changes_label else "positive")
    assert replace(result, texts=row.texts, label=row.label) == row
