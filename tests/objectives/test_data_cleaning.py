from pathlib import Path

from autotune.objectives.data.cleaning import Finding, clean, normalised
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from hypothesis import given
from hypothesis import strategies as st

ALL = {"deduplicate": True, "drop_conflicting_labels": True, "drop_leaks": True}
NONE = dict.fromkeys(ALL, False)
TEXTS = ["Good", " ", "good ", "so so", "So  so", "seen", "bad", "bad", "Café", "cafe\u0301", ""]
LABELS = ["+", "+", "+", "+", "-", "-", "-", "-", "+", "+", "-"]


def test_each_dropped_row_is_counted_once_with_its_reason():
    kept, findings = clean(TEXTS, LABELS, ["SEEN", "unseen"], **ALL)
    assert kept == [0, 6, 8]
    assert {finding.what: finding.count for finding in findings} == {
        "empty text": 2,
        "duplicate": 3,
        "text with conflicting labels": 2,
        "text also in validation or test data": 1,
    }


def test_a_leak_that_also_conflicts_counts_as_a_leak():
    kept, findings = clean(["a", "a", "b"], ["+", "-", "+"], ["A"], **ALL)
    assert kept == [2]
    assert findings == [Finding("text also in validation or test data", 2, ("a", "a"))]


def test_only_what_is_asked_for_is_dropped_but_empty_texts_always():
    kept, findings = clean(TEXTS, LABELS, ["SEEN"], **NONE)
    assert kept == [row for row, text in enumerate(TEXTS) if text.strip()]
    assert [finding.to_json() for finding in findings] == [
        {"what": "empty text", "count": 2, "examples": [" ", ""], "action": "dropped"}
    ]
    for name, count in (("deduplicate", 3), ("drop_conflicting_labels", 2), ("drop_leaks", 1)):
        kept, findings = clean(TEXTS, LABELS, ["SEEN"], **(NONE | {name: True}))
        assert [finding.count for finding in findings if finding.what != "empty text"] == [count]
        assert len(kept) == len(TEXTS) - 2 - count


def test_the_same_text_with_two_labels_is_no_duplicate():
    assert clean(["a", "a"], ["+", "-"], [], **(NONE | {"deduplicate": True})) == ([0, 1], [])


def test_without_labels_equal_texts_are_duplicates_and_nothing_conflicts():
    kept, findings = clean(["a", "A", "b"], None, [], **ALL)
    assert (kept, findings) == ([0, 2], [Finding("duplicate", 1, ("A",))])


def test_examples_are_few_and_short():
    _, findings = clean(["x" * 1000] * 9, None, [], **ALL)
    assert findings == [Finding("duplicate", 8, ("x" * 80,) * 3)]


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str):
    assert normalised(normalised(text)) == normalised(text)


rows = st.lists(st.tuples(st.sampled_from(["", " ", "a", "A", "b", "c ", "c"]), st.sampled_from("+-")), max_size=12)


@given(rows, st.lists(st.sampled_from(["a", "C"])))
def test_nothing_is_lost_and_the_kept_rows_are_clean(rows: list[tuple[str, str]], held_out: list[str]):
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    kept, findings = clean(texts, labels, held_out, **ALL)
    assert len(kept) + sum(finding.count for finding in findings) == len(rows)
    left = [normalised(texts[row]) for row in kept]
    assert len(set(left)) == len(left)
    assert not set(left) & {"", *map(normalised, held_out)}
    assert clean([texts[row] for row in kept], [labels[row] for row in kept], held_out, **ALL)[1] == []


def test_the_leaks_that_the_real_reviews_are_known_to_have(shared_data: Path):
    train, validation, test = (
        load_table(resolve_source(f"reviews1000/{part}.csv", shared_data)) for part in ("train", "validation", "test")
    )
    held_out = validation.column("text") + test.column("text")
    kept, findings = clean(train.column("text"), train.column("label"), held_out, **(NONE | {"drop_leaks": True}))
    leaks = {normalised(text) for text in train.column("text")} & {normalised(text) for text in held_out}
    assert len(leaks) == 7  # 5 in test and 2 in validation, as the data's own notes say
    assert len(kept) == len(train) - findings[0].count <= len(train) - 7


def test_the_empty_texts_of_the_real_tweets(shared_data: Path):
    train = load_table(resolve_source("tweeteval/hate/train.csv", shared_data))
    _, findings = clean(train.column("text"), train.column("label"), [], **NONE)
    assert [(finding.what, finding.count) for finding in findings] == [("empty text", 4)]
