"""What mask, back_translate and synthesize have in common: their contract, over tiny models of random weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.augmentation.back_translate import BackTranslate
from autotune.objectives.augmentation.mask import Mask
from autotune.objectives.augmentation.operation import Resources, TextOperation
from autotune.objectives.augmentation.synthesize import Synthesize
from autotune.objectives.data.row import Row
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable
from hypothesis import given, settings
from hypothesis import strategies as st

Architectures = Callable[..., Path]
NAMES = ("mask", "back_translate", "synthesize", "prompted")

ROWS = [
    Row((f"The {thing} of the {other} is {word}{end}",), label)
    for label, words in (("negative", ("awful", "poor", "faulty")), ("positive", ("great", "superb", "excellent")))
    for word in words
    for thing, other, end in (("battery", "camera", "."), ("screen", "speaker", " !"), ("price", "delivery", ""))
]
ODD = [
    "", " \n", "👍🏽", "word", "word " * 3_000, "x" * 20_000, "[MASK] <mask> [SEP]", "שלום עולם",
    "e\u0301te\u0301 नि क्‍ष",
    "很好 的 battery.", "\N{REPLACEMENT CHARACTER}", "\x00\x01", "12.5 %",
]  # fmt: skip


def trusting(texts: Sequence[str]) -> list[list[float]]:
    return [[1.0, 1.0] for _ in texts]


def resources() -> Resources:
    return Resources(Path(), "scratch:tiny", ROWS, ("negative", "positive"), 24, judge=lambda: trusting)


@pytest.fixture(scope="session")
def operations(architectures: Architectures) -> dict[str, TextOperation]:
    space = AugmentationSpace.model_validate(
        {
            "mask": {"model": str(architectures("bert"))},
            "back_translate": {"there": str(architectures("t5")), "back": str(architectures("bart"))},
        }
    )
    prompted = AugmentationSpace.model_validate({"synthesize": {"model": str(architectures("gpt2"))}})
    return {
        "mask": Mask.make(space, resources()),
        "back_translate": BackTranslate.make(space, resources()),
        "synthesize": Synthesize.make(space, resources()),
        "prompted": Synthesize.make(prompted, resources()),
    }


@pytest.mark.parametrize(
    ("kind", "space"),
    [
        (Mask, {"mask": {"model": "bert"}}),
        (BackTranslate, {"back_translate": {"there": "t5", "back": "bart"}}),
        (Synthesize, {"synthesize": {"model": "gpt2"}}),
    ],
)
def test_a_model_writes_where_it_is_told_to(
    architectures: Architectures, kind: type[TextOperation], space: dict[str, dict[str, str]]
):
    """Torch's meta device has no values that could become a text."""
    folders = {name: {key: str(architectures(each)) for key, each in models.items()} for name, models in space.items()}
    given = AugmentationSpace.model_validate(folders)
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        kind.make(given, replace(resources(), device=torch.device("meta"))).rewrite(ROWS, 1.0, 0, 0)


def is_text(row: Row | None) -> bool:
    return row is None or all(text.encode().decode() == text for text in row.texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(text=st.text(max_size=40), magnitude=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_any_text_becomes_valid_text_that_is_not_blank(
    operations: dict[str, TextOperation], name: str, text: str, magnitude: float, seed: int
):
    row = Row((text,), "positive")
    (found,) = operations[name].rewrite([row], magnitude, 0, seed)
    assert is_text(found)
    assert found is None or bool(found.texts[0].strip()) or not text.strip()
    assert found is None or found.label == "positive"
    assert operations[name].rewrite([row], 0, 0, seed) == [row]
    assert operations[name].rewrite([row], magnitude, 0, seed) == [found]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_odd_rows_neither_crash_nor_become_blank(operations: dict[str, TextOperation], name: str):
    rows = [Row((text,), "negative") for text in ODD]
    found = operations[name].rewrite(rows, 0.5, 0, 0)
    assert len(found) == len(rows)
    assert all(map(is_text, found))
    for before, after in zip(rows, found, strict=True):
        assert after is None or after.texts[0].strip() or not before.texts[0].strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_row_does_not_depend_on_its_neighbours(operations: dict[str, TextOperation], name: str):
    rewrite = operations[name].rewrite
    forward = rewrite(ROWS, 0.6, 0, 7)
    assert rewrite(ROWS[::-1], 0.6, 0, 7) == forward[::-1]
    assert [rewrite([row], 0.6, 0, 7)[0] for row in ROWS[:4]] == forward[:4]


@pytest.mark.parametrize("name", ["mask", "synthesize"])
def test_replicas_and_seeds_differ(operations: dict[str, TextOperation], name: str):
    first = operations[name].rewrite(ROWS, 0.6, 0, 7)
    assert operations[name].rewrite(ROWS, 0.6, 1, 7) != first
    assert operations[name].rewrite(ROWS, 0.6, 0, 8) != first


@pytest.mark.parametrize("name", NAMES)
def test_fingerprints_tell_models_apart(operations: dict[str, TextOperation], name: str):
    assert [other for other in NAMES if operations[other].fingerprint == operations[name].fingerprint] == [name]


@pytest.mark.parametrize(
    ("kind", "settings", "key", "words"),
    [
        (Mask, {}, "mask: model", "random weights"),
        (Mask, {"mask": {"model": "./nowhere"}}, "mask: model", "no folder './nowhere'"),
        pytest.param(Mask, {"mask": {"model": "no/such-model"}}, "mask: model", "cannot open", marks=pytest.mark.slow),
        (Mask, {"mask": {"model": "GPT2"}}, "mask: model", "is not a masked language model"),
        (BackTranslate, {}, "back_translate: there", "missing"),
        (BackTranslate, {"back_translate": {"there": "T5"}}, "back_translate: back", "missing"),
        (BackTranslate, {"back_translate": {"there": "T5", "back": "GPT2"}}, "back_translate: back", "translation"),
        (Synthesize, {"synthesize": {"model": "T5"}}, "synthesize: model", "is not a causal language model"),
    ],
)
def test_what_is_missing_is_named_by_its_key(
    architectures: Architectures, kind: type[TextOperation], settings: dict[str, dict[str, str]], key: str, words: str
):
    there = {"GPT2": str(architectures("gpt2")), "T5": str(architectures("t5"))}
    given = {name: {k: there.get(v, v) for k, v in group.items()} for name, group in settings.items()}
    with pytest.raises(OperationUnavailable) as caught:
        kind.make(AugmentationSpace.model_validate(given), resources())
    assert f"space: augmentation: {key}" in str(caught.value)
    assert words in str(caught.value)
