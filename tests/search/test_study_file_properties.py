import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from autotune.search.study_file.reading import parse_study_file
from autotune.spaces.errors import StudyFileError
from hypothesis import given
from hypothesis import strategies as st

GOOD: dict[str, Any] = {
    "name": "reviews",
    "objective": "sentiment.accuracy",
    "storage": "sqlite:///autotune.db",
    "data": {"train": "a.csv", "validation": 0.2, "test": "b.csv", "clean": {"deduplicate": True}},
    "model": {"encoder": "scratch:tiny", "max_length": 64},
    "tasks": {
        "sentiment": {"kind": "classification", "text": "text", "label": "label"},
        "films": {"kind": "classification", "data": {"train": "films.csv"}},
        "language": {"kind": "masked_lm", "probability": 0.15},
    },
    "space": {
        "loss_weights": {"ratio": [0.03, 10], "optional": True},
        "learning_rate": [1e-5, 5e-4],
        "augmentation": {"operations": ["noise", "mixup"], "share": [0, 0.8], "magnitude": 0.1},
        "training": {"weight_decay": [0, 0.1], "schedule": ["linear", "cosine"], "epochs": {"low": 1, "high": 3}},
    },
    "training": {"epochs": 3, "dropout": None},
    "search": {"trials": 12, "sampler": "tpe", "timeout": "30m"},
}
WORDS = [
    "kind",
    "data",
    "train",
    "classification",
    "masked_lm",
    "choices",
    "low",
    "[key]",
    "",
    "a.b",
    "1e-5",
    "nan",
    "\x1b[2J",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(values: object) -> Iterator[tuple[Any, Any]]:
    """Each container of a document with each key or index that it has."""
    items = (
        list(values.items())
        if isinstance(values, dict)
        else list(enumerate(values))
        if isinstance(values, list)
        else []
    )
    for key, inner in items:
        yield values, key
        yield from places(inner)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    document = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(places(document))))
        action = draw(st.sampled_from(["drop", "replace", "rename", "add"]))
        if action == "drop" and len(document) > 1:
            del container[key]
        elif action == "replace":
            container[key] = draw(JUNK)
        elif isinstance(container, dict):
            value = container.pop(key) if action == "rename" else draw(JUNK)
            container[draw(st.sampled_from([f"{key}s", *WORDS]) | st.text(max_size=4))] = value
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=draw(st.booleans()))


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A study file in which some characters were overwritten."""
    text, start, length = yaml.safe_dump(GOOD, sort_keys=False), draw(st.integers(0, 900)), draw(st.integers(0, 20))
    new = draw(st.text(alphabet="{}[]:,-&*!|>'\"\\#?%@ \t\nab1<", max_size=5))
    return text[:start] + new + text[start + length :]


TEXTS = {
    "mutated": mutated(),
    "any": st.text(max_size=30) | st.text(alphabet="{}[]:,-&*!|>'\"\\#?%@ \t\nab1<\x85", max_size=30),
    "damaged": damaged(),
}


def test_the_document_that_is_mutated_is_right() -> None:
    parse_study_file(yaml.safe_dump(GOOD, sort_keys=False), "study.yaml")


@pytest.mark.parametrize("kind", [pytest.param("mutated", marks=pytest.mark.slow), "any", "damaged"])
@given(st.data())
def test_a_text_is_accepted_or_refused_in_lines_that_each_name_a_line_of_it(kind: str, data: st.DataObject) -> None:
    text = data.draw(TEXTS[kind])
    try:
        parse_study_file(text, "study.yaml")
    except StudyFileError as error:
        for told in str(error).split("\n"):
            found = re.match(r"study\.yaml(?:, line (\d+)(?:, column \d+)?)?: \S", told)
            assert found, told
            assert found[1] is None or 1 <= int(found[1]) <= max(len(text.splitlines()), 1), told
            assert told.isprintable(), told
