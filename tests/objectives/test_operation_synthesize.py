"""Which new rows synthesize keeps, and what writes them."""

import csv
import random
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation.ngrams import NGrams, tokens_of
from autotune.objectives.augmentation.operation import Judge, Resources
from autotune.objectives.augmentation.synthesize import TRIES, Synthesize
from autotune.objectives.data.cleaning import normalised
from autotune.objectives.data.row import Row
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz
from safetensors.torch import load_file, save_file

LABELS = ("negative", "positive")
ROWS = [
    Row((f"{start} the {thing} of my {other} is {word} {end}",), label)
    for label, words in (("negative", ("awful", "poor")), ("positive", ("great", "superb")))
    for word in words
    for start, thing, other, end in (
        ("Sadly", "battery", "old camera", "these days."),
        ("I think", "screen", "new phone", "and everybody in the office says so!"),
        ("After all", "price", "headset", "for what it does"),
    )
]


def sure(texts: Sequence[str]) -> list[list[float]]:
    """Certain of the words that give a label away."""
    return [
        [float(bool(re.search("awful|poor", text))), float(bool(re.search("great|superb", text)))] for text in texts
    ]


def made(judge: Judge = sure, rows: Sequence[Row] = ROWS, agreement: float = 0.7) -> Synthesize:
    space = AugmentationSpace.model_validate({"synthesize": {"agreement": agreement}})
    return Synthesize.make(space, Resources(Path(), "scratch:tiny", rows, LABELS, judge=lambda: judge))


def test_kept_rows_are_new_and_of_their_label():
    found = [row for replica in range(4) for row in made().rewrite(ROWS, 1.0, replica, 0) if row]
    assert len(found) > 20
    for row in found:
        place = LABELS.index(str(row.label))
        assert sure(row.texts)[0][place] == 1
        keys = normalised(row.texts[0]), [normalised(other.texts[0]) for other in ROWS]
        assert all(fuzz.ratio(keys[0], other) < 90 for other in keys[1])


def test_near_copies_and_what_the_baseline_doubts_are_refused():
    lonely = [Row(("the only row of its class, word by word",), "negative")]
    assert made(rows=lonely).rewrite(lonely, 1.0, 0, 0) == [None]
    assert made(lambda texts: [[0.69, 0.69]] * len(texts)).rewrite(ROWS, 1.0, 0, 0) == [None] * len(ROWS)
    assert any(made(lambda texts: [[0.7, 0.7]] * len(texts)).rewrite(ROWS, 1.0, 0, 0))


def test_tries_are_bounded_and_only_new_texts_are_judged():
    asked: list[int] = []
    made(lambda texts: asked.append(len(texts)) or [[0.0, 0.0]] * len(texts)).rewrite(ROWS * 3, 1.0, 0, 0)
    assert 0 < len(asked) <= TRIES


def test_the_order_of_the_training_rows_is_no_matter():
    forward, backward = made(), made(rows=ROWS[::-1])
    assert forward.rewrite(ROWS, 0.5, 0, 3) == backward.rewrite(ROWS, 0.5, 0, 3)
    assert forward.fingerprint == backward.fingerprint
    assert forward.fingerprint != made(rows=ROWS[1:]).fingerprint
    assert forward.fingerprint != made(agreement=0.8).fingerprint


def test_the_fingerprint_changes_with_the_encoders_weights_and_shape_alone(
    architectures: Callable[..., Path], tmp_path: Path
):
    def fingerprint(base: Path) -> str:
        given = Resources(base, "./encoder", ROWS, LABELS, max_length=24, judge=lambda: sure)
        return Synthesize.make(AugmentationSpace(), given).fingerprint

    for study in ("one", "other"):
        shutil.copytree(architectures("bert"), tmp_path / study / "encoder")  # its head is not stored
    first, folder = fingerprint(tmp_path / "one"), tmp_path / "other" / "encoder"
    state = torch.random.get_rng_state()
    assert fingerprint(tmp_path / "other") == first
    assert torch.equal(torch.random.get_rng_state(), state)
    config = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(config.replace('"gelu"', '"relu"'), "utf-8")
    reshaped = fingerprint(tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.bias"][3] += 1e-6
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert len({first, reshaped, fingerprint(tmp_path / "other")}) == 3


def test_a_row_without_a_known_label_is_refused():
    assert made().rewrite([Row(("a text",)), Row(("a text",), "neutral")], 0.5, 0, 0) == [None, None]


@pytest.mark.parametrize("changes", [{"judge": None}, {"labels": ()}])
def test_without_a_baseline_it_is_unavailable(changes: dict[str, None]):
    given = replace(Resources(Path(), "scratch:tiny", ROWS, LABELS, judge=lambda: sure), **changes)
    with pytest.raises(OperationUnavailable, match="space: augmentation: synthesize: there is no baseline"):
        Synthesize.make(AugmentationSpace(), given)


@given(st.text(max_size=60))
def test_tokens_joined_are_the_text(text: str):
    joined = "".join(tokens_of(text))
    assert joined.split() == text.split()


def test_every_two_neighbours_stood_side_by_side():
    texts = ["the screen is good.", "the camera is bad.", "my screen was bad!"]
    pairs = {pair for text in texts for pair in zip(["", *tokens_of(text)], [*tokens_of(text), ""], strict=True)}
    model = NGrams(texts[:2], texts[2:])
    written = [model.write(1.0, 50, random.Random(seed)) for seed in range(60)]
    assert set(written) - set(texts)  # some are new
    for text in written:
        assert text is not None
        assert set(zip(["", *tokens_of(text)], [*tokens_of(text), ""], strict=True)) <= pairs


def test_bolder_texts_are_copies_less_often():
    texts = [row.texts[0] for row in ROWS]
    model = NGrams(texts, [])
    copies = [sum(model.write(b, 99, random.Random(s)) in texts for s in range(300)) for b in (0.1, 0.5, 1.0)]
    assert copies == sorted(set(copies), reverse=True)


def test_no_text_is_longer_than_its_limit():
    assert NGrams(["one two three four"], []).write(1.0, 3, random.Random(0)) is None


def test_real_reviews_give_many_new_rows(shared_data: Path):
    with (shared_data / "reviews1000" / "train.csv").open(encoding="utf-8", newline="") as stream:
        rows = [Row((row["text"],), row["label"]) for row in csv.DictReader(stream)]
    found = made(lambda texts: [[1.0, 1.0]] * len(texts), rows).rewrite(rows, 0.3, 0, 0)
    texts = [row.texts[0] for row in found if row]
    assert len(texts) > 0.6 * len(rows)
    assert len(set(texts)) > 0.5 * len(rows)
