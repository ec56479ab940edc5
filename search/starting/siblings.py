"""Paths of the data relative to the study file, and validation and test files in the same folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ...objectives.data.sources import Kind, Source, resolve_source
from ...spaces.errors import DataError
from ..study_file.schema import default_name

_TRAIN = re.compile(r"(?<![A-Za-z])train(ing)?(?![A-Za-z])", re.IGNORECASE)
_HELD_OUT = {"validation": ("validation", "valid", "val", "dev"), "test": ("test",)}


def written_path(source: Source, folder: Path) -> str:
    """What `data.train` says, in a study file in that folder, for these rows.

    Raises:
        DataError: the path has bytes that are no UTF-8, which a study file cannot say.
    """
    if source.kind is Kind.HUB:
        return source.text
    place = source.text if source.is_file else _place(source)
    found = _relative(Path(place), folder) + source.text[len(place) :]
    try:
        found.encode()
    except UnicodeEncodeError:
        raise DataError(f"{found!r}: a study file is UTF-8, which this path is not; give it another name") from None
    return found


def _place(source: Source) -> str:
    """A folder's name, without the `:config@split` behind it."""
    ends = [len(source.text), *(end for end, character in enumerate(source.text) if character in ":@")]
    return source.text[: next(end for end in ends if _is(source.text[:end], source.place))]


def _is(text: str, place: str) -> bool:
    return str(Path(text).resolve()) == place


def _relative(path: Path, folder: Path) -> str:
    """Links on the way are followed, as `..` leads out of where they lead; the file's own name stays."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def study_name(source: Source) -> str:
    """The study's name: the file's, or its folder's where the file is only called `train`."""
    path = Path(source.place)
    if source.is_file and _TRAIN.fullmatch(path.stem) and path.parent.name:
        return default_name(path.parent.name)
    return default_name(path.name)


def beside(source: Source, kind: str) -> Iterator[Source]:
    """The sources beside training rows that hold the rows of that kind (validation, test), by their names."""
    if not source.is_file:
        return
    path = Path(source.text)
    for word in _HELD_OUT[kind]:
        name = _TRAIN.sub(word, path.stem, count=1) + path.suffix
        if name != path.name and path.with_name(name).is_file():
            try:
                yield resolve_source(str(path.with_name(name)), Path())
            except DataError:
                continue
