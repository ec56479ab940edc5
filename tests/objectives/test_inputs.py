"""What a task reads of a row: a text, a pair, words; and ragged targets as rows are taken from them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from autotune.objectives.data.inputs import Inputs
from autotune.objectives.data.targets import IGNORED, RaggedTargets, TextTargets, pad_together, take_targets
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.evaluating import predict
from autotune.objectives.training.exporting import save_model
from autotune.objectives.training.production import train_production
from autotune.spaces.configuration import Configuration
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification, AutoTokenizer

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")


def test_a_pair_is_two_segments_and_production_reads_it_alike(objective: Objectives, tmp_path: Path):
    prepared = objective(
        tasks={"main": {"kind": "classification", "text_pair": "question"}},
        objective="main.accuracy",
        augmentation={"operations": ["noise"], "levels": 1},
    )
    assert prepared.main.tokens.types is not None
    assert set(prepared.main.tokens.types.tolist()) == {0, 1}
    assert prepared.bank.tokens.types is not None  # both texts of a rewritten pair are there
    done = train_production(
        prepared,
        Configuration(learning_rate=1e-3),
        CPU,
        lambda *_: None,
        keep_best=True,
    )
    save_model(done, prepared, tmp_path / "model", {}, tmp_path)
    table = prepared.corpus.validation
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    inputs = tokenizer(
        table.column("text"),
        table.column("question"),
        padding=True,
        truncation=True,
        max_length=24,
        return_tensors="pt",
    )
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    with torch.inference_mode():
        logits = model(**inputs).logits
        alone = model(**tokenizer(table.column("text"), padding=True, return_tensors="pt")).logits
    own = predict(done.run.model, prepared.validation, prepared, CPU, "fp32")
    torch.testing.assert_close(logits, own, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(alone, own, atol=1e-3)


def test_words_are_read_as_the_text_that_they_make(objective: Objectives):
    words = objective(tasks={"main": {"kind": "classification", "tokens": "text"}}, objective="main.accuracy")
    text = objective(tasks={"main": {"kind": "classification"}}, objective="main.accuracy")
    assert torch.equal(words.main.tokens.ids, text.main.tokens.ids)


def test_rows_are_compared_by_both_texts_and_empty_where_one_is():
    pairs = Inputs(["a", "a b", "c", " "], ["b c", "c", "", "d"])
    assert len(set(pairs.keys[:2])) == 2
    assert pairs.keys[2:] == ["", ""]
    assert Inputs(["a", ""]).keys == ["a", ""]


ROWS = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=6)


def ragged(rows: list[list[int]]) -> RaggedTargets:
    offsets = torch.tensor([0, *map(len, rows)]).cumsum(0)
    return RaggedTargets(torch.tensor([value for row in rows for value in row], dtype=torch.int64), offsets)


@given(ROWS, st.data())
def test_ragged_rows_are_taken_whole_and_padded(rows: list[list[int]], data: st.DataObject):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8))
    targets, places = ragged(rows), torch.tensor(chosen)
    longest = max(len(rows[row]) for row in chosen)
    expected = [rows[row] + [IGNORED] * (longest - len(rows[row])) for row in chosen]
    assert targets[places].tolist() == expected
    part = take_targets(targets, places)
    assert len(part) == len(chosen)
    assert part[torch.arange(len(chosen))].tolist() == expected


def test_what_is_ignored_stays_ignored_in_another_numbering():
    targets = TextTargets(torch.tensor([3, IGNORED, 1]), torch.tensor([0, 2, 3]))
    assert targets.mapped(torch.tensor([0, 10, 20, 30])).values.tolist() == [30, IGNORED, 10]


def test_predictions_of_several_lengths_are_padded_to_the_longest():
    parts = [torch.ones(2, 3, dtype=torch.int64), torch.ones(1, 5, dtype=torch.int64)]
    assert pad_together(parts).tolist() == [[1, 1, 1, IGNORED, IGNORED]] * 2 + [[1] * 5]
    assert pad_together([torch.ones(2), torch.zeros(1)]).tolist() == [1, 1, 0]


@pytest.mark.parametrize("rows", [[[]], [[], []]])
def test_rows_without_any_target(rows: list[list[int]]):
    assert ragged(rows)[torch.arange(len(rows))].shape == (len(rows), 0)
