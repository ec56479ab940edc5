"""Texts as flat token arrays, and the tokenizer of a scratch encoder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from autotune.objectives.data.inputs import Inputs
from autotune.objectives.data.tokens import TokenTable, concatenate, encode, tokenize, tokenizer_fingerprint
from autotune.objectives.models.scratch import scratch_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

ROOT = Path(__file__).parent.parent.parent
TEXTS = [f"The {thing} was {word}" for thing in ("battery", "screen", "price") for word in ("good", "bad", "awful")]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return scratch_tokenizer(TEXTS)


def table_of(rows: list[list[int]]) -> TokenTable:
    lengths = torch.tensor([0, *map(len, rows)])
    return TokenTable(torch.tensor([token for row in rows for token in row], dtype=torch.int32), lengths.cumsum(0))


@given(st.data())
def test_gather_is_padding_row_by_row(data: st.DataObject):
    rows = data.draw(st.lists(st.lists(st.integers(5, 99), min_size=1, max_size=9), min_size=1, max_size=9))
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=12))
    length = max(len(rows[row]) for row in chosen) + data.draw(st.integers(0, 3))
    ids, mask = table_of(rows).gather(torch.tensor(chosen), length, pad=1).values()
    assert ids.tolist() == [rows[row] + [1] * (length - len(rows[row])) for row in chosen]
    assert mask.tolist() == [[column < len(rows[row]) for column in range(length)] for row in chosen]
    assert (ids.dtype, mask.dtype) == (torch.int64, torch.bool)


def test_mapped_renumbers_and_concatenate_keeps_the_order():
    first, second = table_of([[1, 2], [3]]), table_of([[4, 5, 6]])
    both = concatenate([first, second])
    assert both.lengths.tolist() == [2, 1, 3]
    renumbered = both.mapped(torch.tensor([0, 10, 20, 30, 40, 50, 60]))
    ids = renumbered.gather(torch.tensor([2, 0]), 3, pad=0)["ids"]
    assert ids.tolist() == [[40, 50, 60], [10, 20, 0]]


def test_long_texts_are_cut_and_keep_their_special_tokens(tokenizer: PreTrainedTokenizerFast):
    table = TokenTable(**encode(Inputs(["good " * 50, "bad"]), tokenizer, max_length=8))
    assert table.lengths.tolist() == [8, 3]
    for row in (0, 1):
        ids = table.ids[table.offsets[row] : table.offsets[row + 1]]
        assert [ids[0].item(), ids[-1].item()] == [tokenizer.cls_token_id, tokenizer.sep_token_id]


def test_a_text_without_tokens_has_one_all_the_same(tokenizer: PreTrainedTokenizerFast):
    assert TokenTable(**encode(Inputs(["", "good"]), tokenizer, 8)).lengths.tolist()[0] == 2
    stripped = scratch_tokenizer(TEXTS)  # a tokenizer that adds nothing of its own
    stripped.backend_tokenizer.post_processor = None
    table = TokenTable(**encode(Inputs(["", "\u200b", "good"]), stripped, 8))
    assert table.lengths.min() == 1


def test_no_texts_are_an_empty_table(tokenizer: PreTrainedTokenizerFast):
    assert len(TokenTable(**encode(Inputs([]), tokenizer, 8))) == 0


def cached_files(folder: Path) -> list[Path]:
    return sorted((folder / "tokens").glob("*"))


def test_the_cache_gives_the_same_tensors(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    made = tokenize(Inputs(TEXTS), tokenizer, 16)
    (file,) = cached_files(tmp_path)
    monkeypatch.setattr("autotune.objectives.data.tokens.encode", lambda *_, **__: pytest.fail("made again"))
    found = tokenize(Inputs(TEXTS), tokenizer, 16)
    assert torch.equal(made.ids, found.ids)
    assert torch.equal(made.offsets, found.offsets)
    assert (made.ids.dtype, made.offsets.dtype) == (found.ids.dtype, found.offsets.dtype)
    assert cached_files(tmp_path) == [file]


def test_what_changes_the_tokens_changes_the_place_in_the_cache(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    for texts, with_tokenizer, length in [
        (TEXTS, tokenizer, 16),
        (TEXTS, tokenizer, 8),
        (TEXTS[:-1], tokenizer, 16),
        ([*TEXTS[:-2], TEXTS[-2] + TEXTS[-1]], tokenizer, 16),
        (TEXTS, scratch_tokenizer([*TEXTS, "unheard unheard"]), 16),
    ]:
        tokenize(Inputs(texts), with_tokenizer, length)
    assert len(cached_files(tmp_path)) == 5


def test_a_fingerprint_does_not_depend_on_the_last_call():
    tokenizer = scratch_tokenizer(TEXTS)
    fresh = tokenizer_fingerprint(tokenizer)
    tokenizer(TEXTS, truncation=True, max_length=4, padding=True)
    assert tokenizer_fingerprint(tokenizer) == fresh


def test_a_fingerprint_changes_with_what_stands_beside_the_vocabulary():
    def changed(**attributes: object) -> PreTrainedTokenizerFast:
        tokenizer = scratch_tokenizer(TEXTS)
        for name, value in attributes.items():
            setattr(tokenizer, name, value)
        return tokenizer

    found = [
        tokenizer_fingerprint(tokenizer)
        for tokenizer in (
            changed(),
            changed(truncation_side="left"),
            changed(split_special_tokens=True),
            changed(model_input_names=["input_ids", "attention_mask"]),
            changed(unk_token="[MASK]"),
        )
    ]
    assert len(set(found)) == len(found)
    assert tokenizer_fingerprint(changed(padding_side="left")) == found[0]  # nothing is padded


def test_encoders_that_share_a_vocabulary_do_not_share_token_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    untold, told = scratch_tokenizer(TEXTS), scratch_tokenizer(TEXTS)
    untold.model_input_names = ["input_ids", "attention_mask"]  # as DistilBERT's, beside BERT's
    pairs = Inputs(TEXTS, TEXTS[::-1])
    assert tokenize(pairs, untold, 16).types is None
    types = tokenize(pairs, told, 16).types
    assert types is not None
    assert types.unique().tolist() == [0, 1]


def test_the_side_that_is_cut_is_not_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOTUNE_CACHE", str(tmp_path))
    tokenizer = scratch_tokenizer(TEXTS)
    ends: list[str] = []
    for side in ("right", "left"):
        tokenizer.truncation_side = side
        ends.append(str(tokenizer.decode(tokenize(Inputs(TEXTS[:1]), tokenizer, 4).ids, skip_special_tokens=True)))
    assert ends == ["the battery", "was good"]


LEARN = (
    "import json, sys; from autotune.objectives.models.scratch import scratch_tokenizer; "
    "print(json.dumps(scratch_tokenizer(sys.stdin.read().splitlines()).get_vocab()))"
)


@pytest.mark.slow
def test_a_scratch_tokenizer_is_the_same_in_every_process():
    texts = (ROOT / "studies" / "quickstart" / "reviews.csv").read_text("utf-8").splitlines()
    environment = {**os.environ, "PYTHONHASHSEED": "1", "RAYON_NUM_THREADS": "4", "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [sys.executable, "-c", LEARN],
        input="\n".join(texts),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == scratch_tokenizer(texts).get_vocab()


def test_a_scratch_tokenizer_survives_saving(tmp_path: Path):
    tokenizer = scratch_tokenizer(TEXTS)
    tokenizer.save_pretrained(tmp_path)
    opened = AutoTokenizer.from_pretrained(tmp_path)
    texts = [*TEXTS, "A Bättery, batteries 你好 [MASK]", ""]
    assert opened(texts)["input_ids"] == tokenizer(texts)["input_ids"]
    assert (opened.pad_token_id, opened.mask_token_id) == (tokenizer.pad_token_id, tokenizer.mask_token_id)


def test_a_scratch_tokenizer_knows_its_own_words(tokenizer: PreTrainedTokenizerFast):
    assert tokenizer.unk_token_id not in [token for row in tokenizer(TEXTS)["input_ids"] for token in row]


@pytest.mark.parametrize("texts", [["a"], ["", "   "], ["🙂"], ["one", "two"]])
def test_a_scratch_tokenizer_learns_from_almost_nothing(texts: list[str]):
    table = TokenTable(**encode(Inputs(texts), scratch_tokenizer(texts), 8))
    assert (len(table), table.lengths.min() >= 2) == (len(texts), True)
