"""What a study reads beside its data: the lexicons of its operations, and models that lie in folders."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .study_file.schema import StudyFile

_OF_A_MODEL = frozenset({".json", ".model", ".safetensors", ".txt"})
"""What transformers reads of a model's folder; notes and pictures may change."""


def beside(file: StudyFile, base: Path) -> dict[str, str]:
    """SHA-256, in hex, of each of these that is there, by the key that names it.

    Args:
        file: the study file.
        base: the folder that its paths are relative to.
    """
    named = {key: base / Path(text).expanduser() for key, text in _named(file)}
    return {key: _digest(place) for key, place in named.items() if place.exists()}


def _named(file: StudyFile) -> Iterator[tuple[str, str]]:
    space = file.space.augmentation
    yield "model.encoder", file.model.encoder
    for operation, settings in (
        ("replace", space.replace),
        ("flip", space.flip),
        ("mask", space.mask),
        ("back_translate", space.back_translate),
        ("synthesize", space.synthesize),
    ):
        for name in ("lexicon", "model", "there", "back"):
            text = getattr(settings, name, None)
            if operation in space.operations and text is not None:
                yield f"space.augmentation.{operation}.{name}", text


def _digest(place: Path) -> str:
    files = [place] if place.is_file() else sorted(file for file in place.iterdir() if file.suffix in _OF_A_MODEL)
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            found.update(f"{file.name}\0".encode() if place.is_dir() else b"")
            found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()
