"""A small study on disk, and the command line in this process."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from autotune.search.cli.main import main

STUDY = """\
name: tiny
objective: sentiment.accuracy
data: {train: reviews.csv, validation: 0.25}
model: {encoder: scratch:tiny, max_length: 16}
tasks:
  sentiment: {kind: classification, text: text, label: label}
  aspect: {kind: classification, label: aspect}
space:
  learning_rate: [1e-4, 1e-2]
  augmentation: {operations: [noise, mixup]}
  training: {batch_size: [8, 16]}
training: {epochs: 2, batch_size: 16, evaluations_per_epoch: 1, precision: fp32}
search: {trials: 4, sampler: random}
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def run_main(patch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `autotune ARGUMENTS`."""
    patch.setattr(sys, "argv", ["autotune", *arguments])
    try:
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    return 0


@pytest.fixture
def folder(reviews_csv: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with study.yaml and reviews.csv."""
    place = reviews_csv.parent
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def autotune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `autotune ARGUMENTS` in this process."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run_main(monkeypatch, *arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study, run to its end."""
    place = tmp_path_factory.mktemp("trained")
    words = {"positive": ("superb", "flawless", "great"), "negative": ("awful", "faulty", "poor")}
    rows = [
        f"The {thing} of {number} is {word}.,{label},{thing}"
        for label, found in words.items()
        for word in found
        for number, thing in enumerate(("battery", "screen", "price", "speaker", "camera"))
    ]
    (place / "reviews.csv").write_text("\n".join(["text,label,aspect", *rows, ""]), encoding="utf-8")
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run_main(patch, "study", "run", "study.yaml", "--devices", "cpu") == 0
    return place


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of the one with the trained study."""
    place = tmp_path / "trained"
    shutil.copytree(trained_once, place)
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def best(trained: Path, autotune: Command) -> Path:
    """The export of the small study, which was not confirmed."""
    assert autotune("study", "export", "study.yaml").code == 0
    return trained / "best.yaml"
