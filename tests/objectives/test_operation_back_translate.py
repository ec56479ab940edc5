"""How back_translate cuts texts, and what it does with what comes back."""

import json
import random
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation import back_translate as module
from autotune.objectives.augmentation.back_translate import BackTranslate
from autotune.objectives.augmentation.operation import Resources
from autotune.objectives.augmentation.writing import Prompt, write
from autotune.objectives.data.row import Row
from autotune.objectives.models.language_models import LanguageModel, open_language_model
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable

Architectures = Callable[..., Path]
Rewrite = Callable[..., list[Row | None]]


def made(architectures: Architectures, max_length: int = 16) -> BackTranslate:
    names = {"there": str(architectures("bart")), "back": str(architectures("t5"))}
    space = AugmentationSpace.model_validate({"back_translate": names})
    return BackTranslate.make(space, Resources(Path(), "scratch:tiny", [], max_length=max_length))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the models are asked to translate; they give it back as they read it."""
    found: list[str] = []

    def echo(language: LanguageModel, prompts: Sequence[Prompt], temperature: float) -> list[str]:
        assert 0.5 < temperature <= 1
        texts = [language.tokenizer.decode(prompt.ids, skip_special_tokens=True) for prompt in prompts]
        found.extend(texts)
        return texts

    monkeypatch.setattr(module, "write", echo)
    return found


def test_sentences_are_translated_one_by_one_and_keep_what_stands_between(
    architectures: Architectures, seen: list[str]
):
    text = "the price is great.  the screen was poor.\n\n👍 12.5\nthe camera"
    (row,) = made(architectures, 40).rewrite([Row((text,), "yes")], 0.3, 0, 0)
    assert seen[:3] == ["the price is great .", "the screen was poor .", "the camera"]
    assert row == Row(("the price is great .  the screen was poor .\n\n👍 12.5\nthe camera",), "yes")


def test_a_long_sentence_is_cut_and_nothing_is_lost(architectures: Architectures, seen: list[str]):
    words = ["the", "price", "of", "the", "battery", "is", "great"] * 40
    (row,) = made(architectures, 16).rewrite([Row((" ".join(words),))], 1.0, 0, 0)
    assert row is not None
    assert row.texts[0].split() == words
    assert 0 < len(seen) <= 12  # only what an encoder of 16 tokens can read is translated
    assert all(len(text.split()) <= 14 for text in seen)


def test_a_word_that_is_longer_than_the_window_is_cut_too(architectures: Architectures, seen: list[str]):
    (row,) = made(architectures, 16).rewrite([Row(("x" * 90,))], 1.0, 0, 0)
    assert row is not None
    assert row.texts[0].replace(" ", "").replace("##", "") == "x" * 90
    assert seen


@pytest.mark.parametrize("lost", ["", " ", None])
def test_a_row_is_refused_where_a_sentence_comes_back_empty(
    architectures: Architectures, monkeypatch: pytest.MonkeyPatch, lost: str | None
):
    monkeypatch.setattr(module, "write", lambda _, prompts, __: ["fine", *[lost] * (len(prompts) - 1)])
    rows = [Row(("the price.",)), Row(("the screen.",)), Row(("👍",))]
    assert made(architectures).rewrite(rows, 0.5, 0, 0) == [Row(("fine",)), None, Row(("👍",))]


@pytest.mark.slow
def test_both_sampled_models_are_deterministic_and_replicas_differ(architectures: Architectures):
    language = open_language_model(str(architectures("t5")), Path(), "key", "encoder-decoder", torch.device("cpu"))
    ids = language.tokenizer("the price is great").input_ids

    def drawn(seed: int) -> list[str | None]:
        return write(language, [Prompt(ids, 30, random.Random(f"{seed}/{row}")) for row in range(40)], 1.0)

    first = drawn(0)
    assert drawn(0) == first
    assert drawn(1) != first
    assert len(set(first)) > 3
    assert None in first  # not all come to an end


@pytest.mark.skipif(find_spec("sentencepiece") is not None, reason="sentencepiece is installed")
def test_marian_without_sentencepiece_names_the_package(architectures: Architectures, tmp_path: Path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "marian", "vocab_size": 60_000}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MarianTokenizer"}))
    for name in ("source.spm", "target.spm", "model.safetensors"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "vocab.json").write_text("{}")
    names = {"there": str(tmp_path), "back": str(architectures("t5"))}
    with pytest.raises(OperationUnavailable, match=r"back_translate: there: .*: pip install sentencepiece"):
        BackTranslate.make(
            AugmentationSpace.model_validate({"back_translate": names}), Resources(Path(), "scratch:tiny", [])
        )
