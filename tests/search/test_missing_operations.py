"""An operation whose needs are missing: an error with all that is missing, or left out for good, by `on_missing`."""

import random
from pathlib import Path
from typing import ClassVar, Self

import pytest
import yaml
from autotune.objectives.augmentation import registry
from autotune.objectives.augmentation.operation import Resources, RuleOperation
from autotune.search.study import open_study
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.errors import OperationUnavailable

from .conftest import STUDY, Command

URL = "sqlite:///autotune.db"


class Missing(RuleOperation):
    name: ClassVar[str] = "mask"
    version: ClassVar[int] = 1
    magnitude: ClassVar[str] = "nothing that matters to a test"

    @classmethod
    def make(cls, space: AugmentationSpace, resources: Resources) -> Self:
        raise OperationUnavailable("space.augmentation.mask.model: there is no masked language model")

    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        raise AssertionError("it was never made")


@pytest.fixture(autouse=True)
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.TEXT_OPERATIONS, "mask", Missing)


def written(folder: Path, on_missing: str) -> None:
    text = STUDY.replace("[noise, mixup]", f"[noise, mask, mixup], on_missing: {on_missing}")
    (folder / "study.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("command", [("study", "create"), ("study", "run")])
def test_is_an_error(folder: Path, autotune: Command, command: tuple[str, str]) -> None:
    written(folder, "error")
    outcome = autotune(*command, "study.yaml")
    assert outcome.code == 2
    assert "mask: space.augmentation.mask.model: there is no masked language model" in outcome.err
    assert "on_missing: drop" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (folder / "autotune.db").exists()


@pytest.mark.slow
def test_is_left_out_of_the_study_for_good(folder: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder, "drop")
    outcome = autotune("study", "create", "study.yaml")
    assert outcome.code == 0, outcome.err
    assert "warning: augmentation: mask is left out (on_missing: drop)" in outcome.out
    record = open_study("tiny", URL)
    assert record.file.space.augmentation.operations == ["noise", "mixup"]
    assert "augmentation.mix.mask" not in record.file.search_space().distributions
    assert list(record.study.user_attrs["augmentation"]["dropped"]) == ["mask"]
    assert record.study.user_attrs["augmentation"]["operations"]["noise"]["rows"] == 45 * 3 * 2
    assert autotune("study", "run", "study.yaml", "--devices", "cpu").code == 0  # the user's file is unchanged
    assert autotune("study", "export", "study.yaml").code == 0
    best = yaml.safe_load((folder / "best.yaml").read_text(encoding="utf-8"))
    assert best["augmentation"]["operations"] == ["noise", "mixup"]
    assert autotune("train", "best.yaml", "-o", "model", "--devices", "cpu").code == 0
