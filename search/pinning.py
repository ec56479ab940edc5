"""Models of the Hub at the commits that they had when a study was created, as the study's copy of its file has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from .beside import MODELS
from .study_file.schema import StudyFile


def with_revision(file: StudyFile, revision: str | None) -> StudyFile:
    """The file with its encoder at a commit of the Hub; None leaves it as it is."""
    if revision is None:
        return file
    return file.model_copy(update={"model": file.model.model_copy(update={"revision": revision})})


def with_models(file: StudyFile, models: Mapping[str, str]) -> StudyFile:
    """The file with these, by their keys (`mask.model`), in place of what its operations name."""
    space = file.space.augmentation
    for operation, name, _ in named_models(file):
        if (text := models.get(f"{operation}.{name}")) is not None:
            own: Any = getattr(space, operation)
            space = space.model_copy(update={operation: own.model_copy(update={name: text})})
    return file.model_copy(update={"space": file.space.model_copy(update={"augmentation": space})})


def named_models(file: StudyFile) -> Iterator[tuple[str, str, str]]:
    """What the operations of a study file name: an operation, its setting, and the model."""
    space = file.space.augmentation
    for operation, name in MODELS:
        text = getattr(getattr(space, operation), name)
        if operation in space.operations and text is not None:
            yield operation, name, text
