"""Tensors in the cache on disk, written atomically, and the hash of those that others are made from."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .caching import cache_folder

_UNFINISHED = ".part"
"""The end of the name of a file that is being written."""
_ABANDONED_S = 24 * 3600.0
"""A day: nobody writes one file for that long."""


def tensors_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """A hash over named tensors: their names, shapes, types and bits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def is_cached(kind: str, key: str) -> bool:
    """Whether the cache holds a file of that key."""
    return (cache_folder() / kind / f"{key}.safetensors").is_file()


def cached_tensors(
    kind: str, key: str, make: Callable[[], dict[str, torch.Tensor]], *, mapped: bool = False
) -> dict[str, torch.Tensor]:
    """Load the tensors stored under `key`, or make and store them.

    What is loaded is mapped, not read: processes of one host share its pages. With `mapped` that holds for the process
    too that made it.

    A file is renamed into its place only when whole, so that a kill leaves no half of one; one that
    cannot be read is made again. What a kill leaves beside it goes with a file that is written a day later. A cache
    that cannot be written costs time, not the study.
    """
    path = cache_folder() / kind / f"{key}.safetensors"
    with suppress(OSError, SafetensorError):
        return load_file(path)
    tensors = make()
    with suppress(OSError):
        save_atomically(tensors, path)
        _remove_unfinished(path.parent)
        return load_file(path) if mapped else tensors
    return tensors


def save_atomically(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write to a temporary neighbour, flush to the disk, rename.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_UNFINISHED, delete=False) as part:
        name = Path(part.name)
    try:
        try:
            save_file(tensors, name, metadata)
        except SafetensorError as error:  # how it reports what the system refused
            raise OSError(str(error)) from error
        _flush(name)
        name.replace(path)
        _flush(path.parent)
    finally:
        name.unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    """Remove what kills left half written in a folder."""
    for part in folder.glob(f"*{_UNFINISHED}"):
        with suppress(OSError):  # somebody else's, which may be renamed right now
            if time.time() - part.stat().st_mtime > _ABANDONED_S:
                part.unlink()


def _flush(path: Path) -> None:
    """Have a file's content on the disk, or a folder's names."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
