"""What a study reads in addition to its data: the lexicons of its operations, and local models."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..objectives.caching import content_hash
from ..objectives.places import place_of
from ..spaces.augmentation import AugmentationSpace
from ..spaces.errors import StudyError
from .study_file.schema import StudyFile

_OF_A_MODEL = frozenset({".json", ".model", ".safetensors", ".txt"})
"""What transformers reads of a model's folder; notes and pictures may change."""


FILES = (("replace", "lexicon"), ("flip", "lexicon"))
MODELS = (("mask", "model"), ("back_translate", "there"), ("back_translate", "back"), ("synthesize", "model"))
"""The settings of operations, with the operation of each, that name a file, or a model by its folder or Hub id."""

Key = tuple[str, ...]
"""Where a study file names one of these."""


def beside(file: StudyFile, base: Path) -> dict[str, str]:
    """SHA-256, in hex, of each of these that is there, by the key that names it.

    Args:
        file: the study file.
        base: the folder that its paths are relative to.

    Raises:
        StudyError: one of these is there and cannot be read.
    """
    found = {".".join(key): digest(key, text, base) for key, text in named(file.model.encoder, file.space.augmentation)}
    return {key: known for key, known in found.items() if known is not None}


def named(encoder: str, space: AugmentationSpace) -> Iterator[tuple[Key, str]]:
    """What the keys of a study file name, files, folders or other."""
    yield ("model", "encoder"), encoder
    for operation, name in (*FILES, *MODELS):
        text = getattr(getattr(space, operation), name)
        if operation in space.operations and text is not None:
            yield ("space", "augmentation", operation, name), text


def digest(key: Key, text: str, base: Path) -> str | None:
    """SHA-256 of what lies there; None where nothing does. Of a folder its files' names count too.

    Raises:
        StudyError: it cannot be read.
    """
    place = place_of(text, base)
    try:
        if not place.exists():
            return None
        if place.is_file():
            return _of_file(place)
        files = sorted(file for file in place.iterdir() if file.suffix in _OF_A_MODEL and file.is_file())
        return content_hash([part for file in files for part in (file.name, _of_file(file))])
    except OSError as error:
        raise StudyError(f"{'.'.join(key)}: {error.filename!r} cannot be read: {error.strerror}") from None


def _of_file(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
