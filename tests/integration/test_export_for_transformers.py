"""`--format hf`: transformers takes the arguments, and the manual's program trains with them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from autotune.search.export.best_file import BestConfiguration
from autotune.search.export.confirmed_figures import ConfirmedFigures
from autotune.search.export.exporting import render
from autotune.search.study import open_study

from ..search.conftest import Command, autotune, trained, trained_once
from ..search.exported import best_configuration

__all__ = ["autotune", "trained", "trained_once"]
MANUAL = Path(__file__).parent.parent.parent / "docs" / "export.md"


def exported(folder: Path, encoder: str) -> dict[str, Any]:
    """The tiny study's export, as if it had been searched with that encoder."""
    record = open_study("tiny", "sqlite:///autotune.db")
    model = record.file.model.model_copy(update={"encoder": encoder})
    changed = replace(record, file=record.file.model_copy(update={"model": model}), path=folder / "study.yaml")
    (folder / "args.json").write_text(render(best_configuration(changed, folder), "hf"), encoding="utf-8")
    return json.loads((folder / "args.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_transformers_parser_takes_the_arguments(trained: Path) -> None:
    from transformers import HfArgumentParser, TrainingArguments

    content = exported(trained, "scratch:tiny")
    given = {**content["training_arguments"], "output_dir": str(trained / "out"), "use_cpu": True}
    (parsed,) = HfArgumentParser(TrainingArguments).parse_dict(given)  # pyright: ignore[reportArgumentType]
    assert parsed.learning_rate == content["training_arguments"]["learning_rate"]
    assert content["not_arguments"] == {}


def test_what_has_no_argument_is_not_hidden(trained: Path, autotune: Command) -> None:
    assert autotune("study", "export", "tiny").code == 0
    text = Path("best.yaml").read_text(encoding="utf-8").replace("dropout: null", "dropout: 0.3")
    Path("best.yaml").write_text(text.replace("precision: fp32", "precision: bf16"), encoding="utf-8")
    from autotune.search.export.best_file import read_best

    content = json.loads(render(read_best(Path("best.yaml")), "hf"))
    assert content["not_arguments"] == {"dropout": 0.3}
    assert content["training_arguments"]["bf16"] is True
    Path("best.yaml").write_text(text.replace("precision: fp32", "precision: auto"), encoding="utf-8")
    content = json.loads(render(read_best(Path("best.yaml")), "hf"))
    assert content["not_arguments"] == {"precision": "auto", "dropout": 0.3}
    assert "bf16" not in content["training_arguments"]


@pytest.mark.slow
def test_the_manuals_program_trains(trained: Path, minilm: Path) -> None:
    from transformers import pipeline

    (trained / "encoder").symlink_to(minilm)
    content = exported(trained, "encoder")
    assert content["encoder"] not in {"", str(minilm)}
    (program,) = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_DATASETS_CACHE": str(trained / "cache")}
    subprocess.run([sys.executable, "-c", program], cwd=trained, env=environment, check=True, timeout=240)
    classify = pipeline("text-classification", model="plain-model", device="cpu")
    assert {found["label"] for found in classify(["The battery is superb.", "The screen is awful."])} <= {
        "positive",
        "negative",
    }


@pytest.mark.parametrize(
    ("model", "take"), [(BestConfiguration, lambda rows: rows[0]), (ConfirmedFigures, lambda rows: rows[1])]
)
def test_the_manuals_tables_have_every_key(
    model: type[BestConfiguration | ConfirmedFigures], take: Callable[[list[str]], str]
) -> None:
    tables = re.findall(r"\| key \| \|\n\|---\|---\|\n((?:\|.*\n)+)", MANUAL.read_text(encoding="utf-8"))
    keys = [key for row in take(tables).splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert keys == list(model.model_fields)
