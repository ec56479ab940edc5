"""Paths of the data relative to the study file, and validation and test files in the same folder."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from ...objectives.data.decoding import PACKED
from ...objectives.data.folders import has_card, splits_of
from ...objectives.data.sources import FILE_KINDS, Kind, Source, resolve_source
from ...spaces.errors import DataError
from ..study_file.schema import default_name

_TRAIN = re.compile(r"(?<![A-Za-z])train(ing)?(?![A-Za-z])", re.IGNORECASE)
_LONGEST_FOLDER = 48
"""Characters; a study's name has up to 64."""
_TRAINING = "train"
HELD_OUT = {"validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
"""What files of held-out rows are called, the likeliest first."""


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
    return str(Path(text).expanduser().resolve()) == place


def _relative(path: Path, folder: Path) -> str:
    """Links on the way are followed, as `..` leads out of where they lead; the file's own name stays."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def study_name(source: Source) -> str:
    """The study's name: the file's, or its folder's where the file is only called `train`.

    Where a name has no Latin letter: that of the folder, and a number of the path's own, so that two such files are
    two studies in one database.
    """
    path = _named_after(source)
    if has_latin_name(source):
        return default_name(path.name)
    return f"{default_name(path.parent.name)[:_LONGEST_FOLDER]}-{crc32(bytes(path)):08x}"


def has_latin_name(source: Source) -> bool:
    """Whether the study can be called as its data is."""
    return re.search(r"[A-Za-z0-9]", _named_after(source).stem) is not None


def _named_after(source: Source) -> Path:
    path = _unpacked(Path(source.place))
    return path.parent if source.is_file and _TRAIN.fullmatch(path.stem) and path.parent.name else path


def training_file(source: Source) -> Source:
    """The one file of training rows in a folder with files of held-out rows too; any other source as it is.

    A folder whose README says how it is to be read (a card of the Hub), or with several training files, is one data
    set; so is a split that is asked for.
    """
    folder = Path(source.text)
    if source.kind is not Kind.FOLDER or not _is(source.text, source.place) or has_card(folder):
        return source
    found = [file for file in _files(folder) if _TRAIN.search(_unpacked(file).stem)]
    if len(found) != 1:
        return source
    (only,) = (resolve_source(str(file), Path()) for file in found)
    return only if any(next(beside(only, kind), None) for kind in HELD_OUT) else source


def beside(source: Source, kind: str) -> Iterator[Source]:
    """The sources beside training rows that hold the rows of that kind (validation, test), by their names."""
    path = Path(source.text)
    name = _unpacked(path).stem
    if not source.is_file or not _TRAIN.search(name):
        return
    files = sorted(_files(path.parent), key=lambda file: file.suffixes != path.suffixes)
    for word in HELD_OUT[kind]:
        stem = _TRAIN.sub(word, name, count=1).casefold()
        for file in files:
            if _unpacked(file).stem.casefold() == stem:
                try:
                    yield resolve_source(str(file), Path())
                except DataError:
                    continue


def other_splits(source: Source) -> Iterator[tuple[str, Source]]:
    """The splits of a folder beside that of its training rows, by the kind of their rows (validation, test)."""
    if source.kind is not Kind.FOLDER or source.split != _TRAINING or source.config is not None:
        return
    found = splits_of(source)
    for kind in HELD_OUT:
        if kind in found:
            yield kind, replace(source, text=f"{_place(source)}@{kind}", split=kind)


def _files(folder: Path) -> list[Path]:
    """The files in a folder that can be read, but hidden ones; none of a folder that cannot be listed."""
    try:
        entries = list(folder.expanduser().iterdir())
    except OSError:
        return []
    return sorted(
        folder / entry.name
        for entry in entries
        if _unpacked(entry).suffix.lower() in FILE_KINDS and not entry.name.startswith(".") and entry.is_file()
    )


def _unpacked(path: Path) -> Path:
    """The name of what a packed file holds; that of another file."""
    return path.with_suffix("") if path.suffix.lower() == PACKED else path
