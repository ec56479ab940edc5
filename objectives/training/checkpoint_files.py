"""Checkpoint files, one per trial. Imports no torch, as commands that do not train list and delete them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def checkpoint_file(folder: Path, trial_id: int) -> Path:
    """Where a trial's checkpoint is."""
    return folder / f"{trial_id}.safetensors"


def checkpoint_files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The trials' files and their bytes; one that somebody removes meanwhile is left out."""
    for file in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):
            if file.stem.isdecimal():
                yield file, file.stat().st_size


def checkpoint_sizes(folder: Path) -> dict[int, int]:
    """The bytes of each trial's checkpoint."""
    return {int(file.stem): size for file, size in checkpoint_files(folder)}
