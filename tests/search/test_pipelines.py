"""Every kind of main task, trained by the command, opens by the code on its own model card."""

import csv
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from ..conftest import BLAME, COLUMNS, PRAISE, THINGS, with_answers
from ..integration.production import write_best

Command = Callable[..., Any]
Opened = Callable[..., dict[str, Any]]
QUESTION, TEXT = "what is judged ?", "The battery is superb."

pytestmark = pytest.mark.slow


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a column for every kind of task."""
    rows = [
        (f"The {thing} is {word} .", label, thing)
        for label, words in (("positive", PRAISE), ("negative", BLAME))
        for word, thing in product(words, THINGS)
    ]
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *map(with_answers, rows)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def opened(reviews: Path, autotune: Command) -> Opened:
    """Trains a main task, and runs the code of its card: returns the names that it defines."""

    def train(objective: str, **parts: object) -> dict[str, Any]:
        changes = {"training": {"epochs": 2}, "ratios": {}, "mix": {}, **parts}
        write_best(reviews, objective=f"main.{objective}", **changes)
        outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
        assert (outcome.code, outcome.err) == (0, "")
        card = (reviews / "model" / "README.md").read_text(encoding="utf-8")
        found = re.search(r"```python\n(.*?)```", card, re.DOTALL)
        assert found
        names: dict[str, Any] = {}
        exec(found[1].replace("path/to/this/folder", "model"), names)
        return names

    return train


def test_classification(opened: Opened) -> None:
    model = opened("accuracy", tasks={"main": {"kind": "classification"}})["model"]
    (found, longer) = model([TEXT, TEXT * 40])  # far beyond its positions: cut as in training
    assert {found["label"], longer["label"]} <= {"positive", "negative"}
    assert model.tokenizer.model_max_length == 16


def test_multi_label(opened: Opened) -> None:
    (found,) = opened("f1", tasks={"main": {"kind": "multi_label"}})["model"]([TEXT])
    assert {one["label"] for one in found} == {"positive", "negative", *THINGS}
    assert sum(one["score"] for one in found) != pytest.approx(1)  # each has a probability of its own


def test_regression(opened: Opened) -> None:
    names = opened("rmse", tasks={"main": {"kind": "regression", "label": "stars"}})
    (found,) = names["model"]([TEXT])
    assert 0 < found["score"] < 20  # in the unit of the column, four to fourteen


def test_token_classification(opened: Opened) -> None:
    names = opened("accuracy", tasks={"main": {"kind": "token_classification", "tokens": "text"}})
    found = names["model"](TEXT)
    assert {one["entity_group"] for one in found} <= {"aspect", "verdict"}
    words = {word.rstrip(".") for word in TEXT.split()} | {"."}
    assert {TEXT[one["start"] : one["end"]] for one in found} <= words  # whole ones, not their parts


def test_masked_lm(opened: Opened) -> None:
    fill = opened("accuracy", tasks={"main": {"kind": "masked_lm"}})["model"]
    found = fill(f"The battery is {fill.tokenizer.mask_token}.")
    assert len(found) == 5
    assert all(one["token_str"].strip() for one in found)


def test_span(opened: Opened) -> None:
    names = opened("f1", tasks={"main": {"kind": "span", "context": "text"}})
    with torch.no_grad():
        outputs = names["model"](**names["tokenizer"](QUESTION, TEXT, return_tensors="pt"))
    assert outputs.start_logits.shape == outputs.end_logits.shape


def test_generation_with_a_decoder_of_its_own(opened: Opened) -> None:
    names = opened("chrf", tasks={"main": {"kind": "generation"}})
    inputs = names["tokenizer"](TEXT, return_tensors="pt")
    written = names["model"].generate(inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=5)
    assert written.shape[0] == 1
