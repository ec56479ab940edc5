"""The cache on disk: its folder, and file names by the hash of all inputs."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from ..spaces.errors import InputError


def cache_folder() -> Path:
    """$AUTOTUNE_CACHE, else autotune/ in the user's cache folder.

    Raises:
        InputError: neither is there, as in a container whose user has no home.
    """
    if given := os.environ.get("AUTOTUNE_CACHE"):
        return Path(given)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "autotune"
    try:
        return Path.home() / ".cache" / "autotune"
    except RuntimeError:
        raise InputError("this user has no home folder: set AUTOTUNE_CACHE to a folder of your own") from None


def content_hash(parts: Iterable[str]) -> str:
    """A hash over texts, in which neighbours cannot run into each other."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return digest.hexdigest()
