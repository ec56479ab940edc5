"""Tags of words: alignment with tokens, the BIO scheme and its repair, spans as seqeval counts them."""

import csv
import json
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from autotune.objectives.augmentation.noise import Noise
from autotune.objectives.data.inputs import Inputs
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table, take
from autotune.objectives.data.targets import IGNORED
from autotune.objectives.data.tokens import Alignment, TokenTable, tokenize_aligned
from autotune.objectives.models.encoders import open_encoder
from autotune.objectives.models.scratch import scratch_tokenizer
from autotune.objectives.tasks.batch import TextCodes
from autotune.objectives.tasks.tags import OUTSIDE, TagTargets, predicted_tags, repaired, tag_labels, tag_targets
from autotune.objectives.tasks.token_classification import TokenClassification, TokenClassificationSettings
from autotune.spaces.errors import DataError
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score, sequence_labeling

Architectures = Callable[..., Path]
Rows = Sequence[tuple[Sequence[str], Sequence[str]]]
WORDS = [["play", "some", "jazz"], ["weather", "in", "new", "york", "?"]]
TAGS = [["O", "O", "B-genre"], ["O", "O", "B-city", "I-city", "O"]]


def table_of(folder: Path, rows: Rows) -> Table:
    lines = [json.dumps({"tokens": tokens, "tags": tags}) for tokens, tags in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return load_table(resolve_source("rows.jsonl", folder))


def task() -> TokenClassification:
    return TokenClassification("slots", TokenClassificationSettings(kind="token_classification"))


def test_labels_have_both_tags_of_every_entity():
    assert tag_labels(["O", "B-city", "I-genre"]) == ("O", "B-city", "I-city", "B-genre", "I-genre")
    assert tag_labels(["NOUN", "O", "VERB"]) == ("O", "NOUN", "VERB")


@pytest.mark.parametrize("spelling", [("o", "b-city", "i-city"), ("O", "B_city", "I_city"), ("O", "city-B", "city-I")])
def test_entity_tags_in_another_spelling_are_refused(tmp_path: Path, spelling: tuple[str, str, str]):
    """Counted word by word, a tagger that finds nothing would look good."""
    outside, begin, inside = spelling
    with pytest.raises(DataError, match="entity tags are B-name and I-name, with O outside") as caught:
        task().fitted(table_of(tmp_path, [(WORDS[1], [outside, outside, begin, inside, outside])]))
    assert repr(begin) in str(caught.value) or repr(inside) in str(caught.value)


def test_a_plain_tag_may_end_like_an_entitys(tmp_path: Path):
    assert task().fitted(table_of(tmp_path, [(["a", "b"], ["O", "Type-I"])])).labels == ("O", "Type-I")


@pytest.mark.parametrize(
    ("tags", "count"),
    [
        (["0", "0", "1", "0"], 3),
        (["none", "B", "none", "none"], 3),
        (["O", "O", "1", "O"], 0),
        (["NN", "NN", "VB", "DT"], 0),
    ],
)
def test_a_tag_that_most_words_have_is_told_of_unless_it_is_outside(tmp_path: Path, tags: list[str], count: int):
    """With tags by number a guess of outside everywhere would count as finding most of them."""
    table = table_of(tmp_path, [(["a", "b", "c", "d"], tags)])
    _, found = task().fitted(table).vetted(table, training=True)
    told = {finding.what: finding.count for finding in found}
    assert told.get("task 'slots': word with the tag of most words, counted like any other (outside is O)", 0) == count


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-a", "I-a"], ["B-a", "I-a"]),
        (["B-a", "I-b"], ["B-a", "B-b"]),
        (["O", "I-a", "O"], ["O", "B-a", "O"]),
        (["B-a", "I-a", "I-a", "B-a"], ["B-a", "I-a", "I-a", "B-a"]),
        ([], []),
    ],
)
def test_an_i_tag_that_continues_nothing_begins_an_entity(tags: list[str], expected: list[str]):
    assert repaired(tags) == expected
    assert repaired(expected) == expected


def test_repairs_and_unknown_tags_are_counted(tmp_path: Path):
    fitted = task().fitted(table_of(tmp_path, list(zip(WORDS, TAGS, strict=True))))
    other = table_of(tmp_path, [(["a", "b"], ["O", "I-city"]), (["c"], ["B-year"])])
    kept, found = fitted.vetted(other, training=False)
    assert len(kept) == 2
    assert [(finding.what, finding.count, finding.action) for finding in found] == [
        ("task 'slots': I- tag that continues nothing", 1, "repaired"),
        ("task 'slots': tag that does not occur in training", 1, "noted"),
    ]
    assert found[0].examples == ("I-city -> B-city",)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-a", "I-a", "E-a", "O", "S-b"], ["B-a", "I-a", "I-a", "O", "B-b"]),
        (["B-a", "L-a", "U-b"], ["B-a", "I-a", "B-b"]),
        (["E-a", "S-a"], ["B-a", "B-a"]),
    ],
)
def test_schemes_that_mark_an_entitys_end_are_read_as_bio(tmp_path: Path, tags: list[str], expected: list[str]):
    table = table_of(tmp_path, [(list("vwxyz"[: len(tags)]), tags), (["a", "b"], ["B-a", "I-a"])])
    fitted = task().fitted(table)
    assert fitted._tags(table)[0] == expected
    (found,) = (each for each in fitted.vetted(table, training=True)[1] if "BIOES" in each.what)
    assert (found.what, found.action) == ("task 'slots': tag of BIOES or BILOU, read as BIO", "repaired")
    assert set(fitted.labels) <= {"O", "B-a", "I-a", "B-b", "I-b"}


def test_rows_without_any_tag_are_dropped_and_told_of(tmp_path: Path):
    """An auxiliary that few rows were tagged for shares the main task's rows all the same."""
    table = table_of(tmp_path, [(["a", "b"], ["O", "B-x"]), (["c"], []), ([], [])])
    kept, (found,) = task().fitted(table).vetted(table, training=True)
    assert kept.lines == [1, 3]
    assert (found.what, found.count, found.action) == ("row without a label of task 'slots'", 1, "dropped")


def test_entities_without_a_name_are_told_of(tmp_path: Path):
    """As of keyphrases: as spans they would have to be B-x and I-x."""
    table = table_of(tmp_path, [(["a", "b", "c"], ["B", "I", "O"]), (["d"], ["O"])])
    fitted = task().fitted(table)
    (found,) = fitted.vetted(table, training=True)[1]
    assert (found.count, found.action) == (2, "noted")
    assert "counted word by word" in found.what


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(["a", "b"], ["O", "B-x"]), (["a", "b"], ["O"])], "line 2: task 'slots': 2 words in 'tokens', but 1 tags"),
        ([(["a"], ["B-x"]), (["b"], ["NOUN"])], "line 2: task 'slots': tag 'NOUN': beside B- and I- tags"),
        ([(["a"], ["O"]), (["b"], ["O"])], "column 'tags' has one tag only ('O')"),
    ],
)
def test_tags_that_cannot_be_used_are_named(tmp_path: Path, rows: Rows, message: str):
    with pytest.raises(DataError) as caught:
        task().fitted(table_of(tmp_path, rows))
    assert message in str(caught.value)


@pytest.mark.parametrize("column", ["tokens", "tags"])
@pytest.mark.parametrize(
    "written", ["['O', 'B-artist']", '["O", "B-artist"]', "['O' 'B-artist']", "[0, 12]", "[ 0 12]", "['O'\n 'O']"]
)
def test_a_list_written_as_text_among_others_is_refused(tmp_path: Path, column: str, written: str):
    rows = [{"tokens": "play jazz", "tags": "O B-genre"}] * 2
    text = "\n".join(json.dumps(row) for row in [*rows, {**rows[0], column: written}])
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        task().fitted(load_table(resolve_source("rows.jsonl", tmp_path)))
    assert str(caught.value) == (
        f"rows.jsonl, line 3: column {column!r} holds a list written as text ({written!r}), but line 1 holds "
        f"{rows[0][column]!r}; write a list such as ['a', 'b'] in every row, or give the values with blanks between "
        "them"
    )


@pytest.mark.parametrize("written", ["['O' 'B-artist']", "[ 0 12]", "['O'\n 'O']", "['a', None, 'b']"])
def test_a_list_written_as_text_in_another_form_is_refused(tmp_path: Path, written: str):
    rows = [{"tokens": "play jazz", "tags": written}] * 2
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        task().fitted(load_table(resolve_source("rows.jsonl", tmp_path)))
    assert str(caught.value).startswith("rows.jsonl, line 1: column 'tags' holds a list written as text (")
    assert "), in a form that is not read; write a list such as ['a', 'b']" in str(caught.value)


def test_lists_written_as_text_are_lists_of_words(tmp_path: Path):
    words, tags = [["don't", 'a "b"', "a\\n", "😀"], ["só"]], [["O", "O", "O", "B-x"], ["O"]]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tokens", "tags", "json"])
        writer.writerows((str(row), str(its), json.dumps(row)) for row, its in zip(words, tags, strict=True))
    table = load_table(resolve_source("rows.csv", tmp_path))
    assert table.items("tokens") == table.items("json") == words
    assert task().fitted(table).labels == ("O", "B-x", "I-x")
    assert take(table, [1]).items("tokens") == words[1:]
    assert take(table, [1]).column("tokens") == ["['só']"]


def test_words_in_brackets_are_words(tmp_path: Path):
    rows = [("[ 'so' ]", "O O O"), ("[1] [", "B-x O"), ("[]", "O"), ("'[' ']'", "O O")]
    table = [json.dumps({"tokens": words, "tags": tags}) for words, tags in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(table), encoding="utf-8")
    assert task().fitted(load_table(resolve_source("rows.jsonl", tmp_path))).labels == ("O", "B-x", "I-x")


def targets_of(words: Sequence[Sequence[str]], tags: Sequence[Sequence[str]], max_length: int = 32) -> TagTargets:
    texts = [" ".join(row) for row in words]
    tokenizer = scratch_tokenizer([*texts, "weath er yo rk"])
    tokens, alignment = tokenize_aligned(Inputs(texts), tokenizer, max_length)
    return tag_targets(tokens, alignment, words, tags, tag_labels(tag for row in tags for tag in row))


def test_the_first_token_of_each_word_has_its_tag():
    targets = targets_of(WORDS, TAGS)
    found = [[int(word) for word in targets.words[first:end] if word >= 0] for first, end in spans(targets)]
    assert found == [[0, 1, 2], [0, 1, 2, 3, 4]]
    labels = tag_labels(tag for row in TAGS for tag in row)
    values = [[labels[value] for value in row if value != IGNORED] for row in targets[torch.arange(2)].tolist()]
    assert values == TAGS


def spans(targets: TagTargets) -> list[tuple[int, int]]:
    offsets = targets.offsets.tolist()
    return list(pairwise(offsets))


words = st.lists(st.text(st.sampled_from("ab né🙂\u200b你"), min_size=1, max_size=5), min_size=1, max_size=6)


@pytest.mark.slow
@given(st.lists(words, min_size=1, max_size=4))
def test_any_words_are_aligned_in_order_and_never_twice(rows: list[list[str]]):
    targets = targets_of(rows, [["B-x"] * len(row) for row in rows])
    for row, (first, end) in enumerate(spans(targets)):
        placed = [int(word) for word in targets.words[first:end] if word >= 0]
        assert placed == sorted(set(placed))
        assert all(word < len(rows[row]) for word in placed)
        assert len(targets.tags[row]) == len(rows[row])


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2", "modernbert"])
def test_alignment_holds_with_every_tokenizer(architectures: Architectures, family: str, tmp_path: Path):
    encoder = open_encoder(str(architectures(family)), tmp_path, [], 32)
    texts = [" ".join(row) for row in WORDS]
    tokens, alignment = tokenize_aligned(Inputs(texts), encoder.tokenizer, 32)
    targets = tag_targets(tokens, alignment, WORDS, TAGS, tag_labels(tag for row in TAGS for tag in row))
    assert [sorted({int(w) for w in targets.words[a:b]} - {-1}) for a, b in spans(targets)] == [[0, 1, 2], [*range(5)]]


def test_a_word_with_a_blank_in_it_has_one_target(tmp_path: Path):
    """Byte-level BPE gives its blank a token of no width, in the middle of the word."""
    offsets = torch.tensor([0, 4])
    tokens = TokenTable(torch.arange(4, dtype=torch.int32), offsets)
    characters = torch.tensor([[0, 3], [3, 3], [4, 8], [9, 11]], dtype=torch.int32)
    alignment = Alignment(torch.zeros(4, dtype=torch.int8), characters)
    targets = tag_targets(tokens, alignment, [["New York", "is"]], [["B-city", "O"]], ["O", "B-city", "I-city"])
    assert targets.words.tolist() == [0, -1, -1, 1]
    assert targets.values.tolist() == [1, IGNORED, IGNORED, 0]


def test_spans_are_measured_whole_and_what_is_cut_off_is_missed(tmp_path: Path, codes: TextCodes):
    rows = list(zip(WORDS, TAGS, strict=True))
    fitted = task().fitted(table_of(tmp_path, rows))
    labels = list(fitted.labels)
    whole = targets_of(WORDS, TAGS)
    right = whole[torch.arange(2)].clamp(min=0)
    assert fitted.measure(right, whole, codes) == {"f1": 1, "precision": 1, "recall": 1, "accuracy": 1}
    half = right.clone()
    half[half == labels.index("I-city")] = labels.index("O")
    measured = fitted.measure(half, whole, codes)
    assert measured["f1"] == 0.5  # one of two spans, both guessed
    assert measured["accuracy"] == 7 / 8
    cut = targets_of(WORDS, TAGS, max_length=4)
    assert predicted_tags(cut[torch.arange(2)].clamp(min=0), cut, labels)[1][2:] == [OUTSIDE] * 3
    assert fitted.measure(cut[torch.arange(2)].clamp(min=0), cut, codes)["recall"] < 1


ENTITIES = ["O", "B-a", "I-a", "B-b", "I-b"]
tagged = st.lists(st.tuples(st.sampled_from(ENTITIES), st.sampled_from(ENTITIES)), max_size=6)


@given(st.lists(tagged, min_size=1, max_size=4))
def test_spans_are_counted_as_seqeval_does(rows: list[list[tuple[str, str]]]):
    """Of these words every other is cut off, or never was a token."""
    true = [repaired([tag for tag, _ in row]) for row in rows]
    guesses = [[guess for _, guess in row] for row in rows]
    offsets = torch.tensor([0, *accumulate(len(row) + 1 for row in rows)])
    words = torch.tensor([word if word % 2 else -1 for row in rows for word in range(-1, len(row))], dtype=torch.int32)
    targets = TagTargets(torch.zeros(len(words), dtype=torch.int64), offsets, words, true)
    fitted = task().with_labels(ENTITIES)
    width = max(map(len, rows)) + 1
    predictions = torch.tensor(
        [[0.0, *map(float, map(ENTITIES.index, row)), *[IGNORED] * (width - 1 - len(row))] for row in guesses]
    )
    found = [[guess if word % 2 else OUTSIDE for word, guess in enumerate(row)] for row in guesses]
    assert predicted_tags(predictions, targets, ENTITIES) == found
    expected = {
        name: measure(true, found, zero_division=cast(Any, 0))
        for name, measure in {"f1": f1_score, "precision": precision_score, "recall": recall_score}.items()
    }
    measured = fitted.measure(predictions, targets, cast(Any, None))
    assert {name: measured[name] for name in expected} == expected


def test_an_evaluation_looks_for_entities_once(monkeypatch: pytest.MonkeyPatch):
    """Of many trials on a GPU the device waits for it."""
    looked, look = list[int](), sequence_labeling.get_entities

    def counted(tags: Any, suffix: bool = False) -> Any:  # noqa: ANN401
        looked.append(len(tags))
        return look(tags, suffix)

    monkeypatch.setattr(sequence_labeling, "get_entities", counted)
    whole = targets_of(WORDS, TAGS)
    fitted = task().with_labels(tag_labels(tag for row in TAGS for tag in row))
    fitted.measure(whole[torch.arange(2)].clamp(min=0), whole, cast(Any, None))
    assert looked == [2, 2]


def test_plain_tags_count_word_by_word(tmp_path: Path, codes: TextCodes):
    tags = [["DET", "ADJ", "NOUN"], ["NOUN", "ADP", "ADJ", "NOUN", "O"]]
    fitted = task().fitted(table_of(tmp_path, list(zip(WORDS, tags, strict=True))))
    targets = targets_of(WORDS, tags)
    guess = targets[torch.arange(2)].clamp(min=0)
    assert fitted.measure(guess, targets, codes)["f1"] == 1
    wrong = torch.where(guess == fitted.labels.index("DET"), fitted.labels.index("ADJ"), guess)
    assert fitted.measure(wrong, targets, codes)["f1"] == pytest.approx(6 / 7)


def test_the_slots_of_the_real_commands(shared_data: Path):
    table = load_table(resolve_source("snips/train.jsonl", shared_data))
    fitted = task().fitted(table)
    assert len(fitted.labels) == 79  # 39 entities with two tags each, and O
    kept, found = fitted.vetted(table, training=True)
    assert (len(kept), list(found)) == (5000, [])
    for part in ("validation", "test"):
        assert fitted.vetted(load_table(resolve_source(f"snips/{part}.jsonl", shared_data)), training=False)[1] == []


def test_augmentation_touches_a_share_of_a_rows_words_in_place(tmp_path: Path):
    """As a row of words, not as many texts, each of which would have its share."""
    rows = task().rows(table_of(tmp_path, list(zip(WORDS, TAGS, strict=True))))
    for seed in range(20):
        for row, new in zip(rows, Noise().rewrite(rows, 0.2, 0, seed), strict=True):
            assert new is not None
            assert len(new.texts) == len(row.texts)
            assert [len(word.split()) for word in new.texts] == [1] * len(row.texts)
            assert sum(old != word for old, word in zip(row.texts, new.texts, strict=True)) <= 1
