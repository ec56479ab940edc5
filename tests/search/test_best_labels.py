"""The labels that a configuration was found with are those that it trains on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from autotune.objectives.data.loading import fingerprint
from autotune.objectives.data.sources import resolve_source
from autotune.search.export.best_file import read_best

Command = Callable[..., Any]


@pytest.mark.slow
def test_an_export_names_the_labels_of_each_task(best: Path) -> None:
    labels = read_best(best).labels
    assert labels == {
        "sentiment": ["negative", "positive"],
        "aspect": ["battery", "camera", "price", "screen", "speaker"],
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - negative\n  - positive\n", "  - negative\n  - neutral\n  - positive\n", "lacks 'neutral'"),
        ("  - negative\n  - positive\n", "  - positive\n  - negative\n", "in another order: 'negative', 'positive'"),
        ("  - camera\n", "", "labels.aspect: the training data has 'camera', which the configuration was not"),
    ],
)  # fmt: skip
def test_labels_that_were_edited_are_refused(best: Path, autotune: Command, old: str, new: str, words: str) -> None:
    text = best.read_text(encoding="utf-8")
    assert old in text
    best.write_text(text.replace(old, new), encoding="utf-8")
    outcome = autotune("train", "best.yaml", "-o", "model")
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert words in outcome.err
    assert not Path("model").exists()


def test_data_with_another_label_and_a_matching_fingerprint_is_refused(best: Path, autotune: Command) -> None:
    before = fingerprint(resolve_source("reviews.csv", best.parent))
    text = Path("reviews.csv").read_text(encoding="utf-8")
    Path("reviews.csv").write_text(text.replace(",speaker\n", ",horn\n"), encoding="utf-8")
    after = fingerprint(resolve_source("reviews.csv", best.parent))
    best.write_text(best.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    outcome = autotune("train", "best.yaml", "-o", "model")
    assert outcome.code == 2
    assert "labels.aspect: the training data lacks 'speaker' and has 'horn'" in outcome.err


@pytest.mark.slow
def test_an_export_without_labels_trains(best: Path, autotune: Command) -> None:
    """One that was written before labels were."""
    text = best.read_text(encoding="utf-8")
    start, end = text.index("labels:\n"), text.index("versions:")
    best.write_text(text[:start] + text[end:], encoding="utf-8")
    assert read_best(best).labels == {}
    assert autotune("train", "best.yaml", "-o", "model", "--devices", "cpu").code == 0
