"""The cache on disk: its folder, and file names by the hash of all inputs."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def cache_folder() -> Path:
    """$AUTOTUNE_CACHE, else autotune/ in the user's cache folder."""
    given = os.environ.get("AUTOTUNE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else (Path(base) if base else Path.home() / ".cache") / "autotune"


def content_hash(parts: Iterable[str]) -> str:
    """A hash over texts, in which neighbours cannot run into each other."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return digest.hexdigest()
