"""`autotune train` in processes of its own, on a small export that needs no study."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from .forked import Forked

MAIN = "from autotune.search.cli.main import main; main()"
ONE = [sys.executable, "-c", MAIN]


def write_best(folder: Path, **changes: object) -> Path:
    """best.yaml for the folder's reviews.csv: three tasks, a mix, two evaluations an epoch; parts are replaced."""
    from autotune.objectives.data.loading import fingerprint
    from autotune.objectives.data.sources import resolve_source
    from autotune.spaces.configuration import Configuration

    settings: dict[str, Any] = {
        "data": {"train": "reviews.csv", "validation": 0.25},
        "model": {"encoder": "scratch:tiny", "max_length": 16},
        "tasks": {
            "sentiment": {"kind": "classification"},
            "aspect": {"kind": "classification", "label": "aspect"},
            "words": {"kind": "masked_lm"},
        },
        "objective": "sentiment.accuracy",
        "training": {"epochs": 14, "batch_size": 8, "evaluations_per_epoch": 2, "precision": "fp32"},
    }
    configuration: dict[str, Any] = {
        "learning_rate": 1e-3,
        "ratios": {"aspect": 0.5, "words": 0.3},
        "mix": {"operations": {"noise": 0.2, "mixup": 0.3}, "magnitude": 0.1},
    }
    for part, changed in changes.items():
        where = settings if part in settings else configuration
        where[part] = {**where[part], **changed} if isinstance(changed, dict) and part == "training" else changed
    made = Configuration.model_validate(configuration)
    best = {
        "found": {"study": "small", "trial": 3, "value": 0.9, "step": 10, "baseline": 0.8},
        "configuration": configuration,
        "loss_weights": {
            "alpha": made.alpha,
            "betas": made.betas,
            "normalisers": dict.fromkeys(settings["tasks"], 1.0),
        },
        "seed": 0,
        "augmentation": {"operations": list(made.mix.operations), "magnitude": 0.1},
        "settings": settings,
        "fingerprints": {"reviews.csv": fingerprint(resolve_source("reviews.csv", folder))},
        "versions": {},
    }
    path = folder / "best.yaml"
    path.write_text(yaml.safe_dump(best, sort_keys=False), encoding="utf-8")
    return path


def start(folder: Path, *arguments: str, launcher: list[str] = ONE, **environment: str) -> subprocess.Popen[str]:
    """`autotune train best.yaml ARGUMENTS`, on the CPU."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    command = ["train", "best.yaml", "--devices", "cpu", *arguments]
    if launcher is ONE:
        return Forked(folder, variables, command)
    pipe = subprocess.PIPE
    return subprocess.Popen([*launcher, *command], cwd=folder, env=variables, stdout=pipe, stderr=pipe, text=True)


def finish(folder: Path, *arguments: str, launcher: list[str] = ONE, **environment: str) -> str:
    """What it prints; it must go well, and say nothing on standard error where one process trains."""
    with start(folder, *arguments, launcher=launcher, **environment) as process:
        out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert launcher is not ONE or err == ""
    return out


def kill(process: subprocess.Popen[str]) -> str:
    """kill -9; returns what it had printed."""
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=60)[0]


def metrics_of(folder: Path) -> dict[str, Any]:
    """metrics.json without what depends on the clock."""
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    del found["seconds"]
    return found
