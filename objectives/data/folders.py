"""The files of a folder's split, as `datasets` finds them, and which of them it reads itself."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from datasets import BuilderConfig, load_dataset_builder
from datasets.data_files import DataFilesDict, get_data_patterns
from datasets.exceptions import DatasetsError

from ...spaces.errors import DataError
from .decoding import PACKED, content_of, read_bytes
from .huggingface import quiet
from .sources import FILE_KINDS, Kind, Source, kind_of

_PLACES = {"name", "version", "data_dir", "data_files", "description"}
"""Settings of a format's builder that say where files are, and not how they are read."""
_MAY_DESCRIBE = {".json"}
"""What holds rows, or tells of those of other files."""
_LEFT = {".json", PACKED}
"""The ends of names of files that are left to `datasets`."""
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?)\n---", re.DOTALL)
_SAYS_HOW = {"configs", "dataset_info"}
"""Of a card's front matter what names files or types; other keys give a licence, a language, ..."""
_SAVED = ("state.json", "dataset_info.json")
"""What `save_to_disk` writes beside the rows of one split."""
_SHOWN = 5
"""Folders or files that a message names."""
_TRAINING = "train"


def files_of(source: Source) -> list[Path]:
    """The files of a folder's split.

    An empty list where `datasets` finds none, which reading explains, or where the folder's own README says how to
    read them.

    Raises:
        DataError: it is one split that `save_to_disk` wrote; no file is for training, as another has the name of
            another split; or the split has files of another format too, whose rows `datasets` would leave out without
            a word.
    """
    _check_not_saved(source)
    name = re.match(r"[\w.-]+", source.split)
    split = name[0] if name else source.split
    named = splits_of(source)
    if split == _TRAINING and source.config in (None, "default") and named and split not in named:
        _check_training(source, named)
    try:
        with quiet():
            builder = load_dataset_builder(source.place, source.config)
    except (DatasetsError, ValueError, OSError, RuntimeError):
        return []
    found = [Path(file) for file in (builder.config.data_files or {}).get(split, [])]
    _check_one_format(source, found, [Path(file) for file in named.get(split, [])])
    return [] if builder.info.features is not None or _is_told_how(builder.config) else found


def splits_of(source: Source) -> Mapping[str, Sequence[str]]:
    """The files of a folder's splits by their names; none where its README says how it is read."""
    return {} if has_card(Path(source.place)) else _by_their_names(source.place)


def has_card(folder: Path) -> bool:
    """Whether its README says how it is to be read, as a card of the Hub may."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8-sig", errors="replace") if card.is_file() else ""
    if (matter := _FRONT_MATTER.match(text)) is None:
        return False
    try:
        known = yaml.safe_load(matter[1])
    except yaml.YAMLError:  # what is wrong with it is told where the folder is read
        return True
    return isinstance(known, dict) and not _SAYS_HOW.isdisjoint(known)


def own_kinds(source: Source, files: Sequence[Path]) -> list[Kind | None]:
    """The kind of each file that we read; None for those that `datasets` reads.

    It does read the .json and the packed files of a folder, if UTF-8: their digest is that of what it makes of them, in
    studies that are there.
    """
    left = [file for file in files if file.suffix.lower() in _LEFT]
    ours = not all(_is_utf_8(file, source) for file in left)
    return [kind_of(file) if ours or file not in left else None for file in files]


def labels_of(files: Sequence[Path]) -> str:
    """What to do where texts stand in folders side by side, which may be named by labels; empty where they do not."""
    folders = {file.parent for file in files}
    if (
        len(folders) < 2
        or len({folder.parent for folder in folders}) > 1
        or {file.suffix for file in files} != {".txt"}
    ):
        return ""
    names = ", ".join(sorted(repr(folder.name) for folder in folders)[:_SHOWN]) + ", …" * (len(folders) > _SHOWN)
    return (
        f"the names of its folders ({names}) are not read as labels, and each line of a file is a row; make a CSV of "
        "it with a row for each file and the columns text and label"
    )


def _by_their_names(place: str) -> Mapping[str, Sequence[str]]:
    """The files of each split, whatever their formats; none where `datasets` finds none."""
    try:
        with quiet():
            found = DataFilesDict.from_patterns(get_data_patterns(place), base_path=place)
            return {str(split): list(files) for split, files in found.items()}
    except (DatasetsError, ValueError, OSError, RuntimeError):
        return {}


def _check_not_saved(source: Source) -> None:
    folder = Path(source.place)
    if all((folder / name).is_file() for name in _SAVED):
        written = f"datasets.load_from_disk({source.place!r}).to_parquet({folder.name + '.parquet'!r})"
        raise DataError(
            f"{source.text}: a folder that `save_to_disk` of datasets wrote, which is not read; write it as a Parquet "
            f"file (in Python: `{written}`), and give the path of that"
        )


def _check_training(source: Source, named: Mapping[str, Sequence[str]]) -> None:
    """Where a file is named like another split, `datasets` reads none of those that are named like no split."""
    split, (first, *_) = next(iter(named.items()))
    folder, taken = Path(source.place), {file for files in named.values() for file in files}
    readable = (file for file in sorted(folder.rglob("*")) if kind_of(file) is not None and str(file) not in taken)
    names = [file.relative_to(folder) for file in readable]
    others = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    if others:
        shown = ", ".join(repr(str(name)) for name in others[:_SHOWN])
        raise DataError(
            f"{source.text}: no training file: the name of {Path(first).name!r} makes it the split {split!r}, and no "
            f"file is called train; give the path of one file ({shown}{', …' * (len(others) > _SHOWN)}), or call it so"
        )


def _check_one_format(source: Source, found: Sequence[Path], named: Sequence[Path]) -> None:
    rest = [file for file in named if file not in found and {*file.suffixes} & (FILE_KINDS.keys() - _MAY_DESCRIBE)]
    if found and rest:
        raise DataError(
            f"{source.text}: {found[0].name!r} and {rest[0].name!r} are both of the split {source.split!r}, in two "
            "formats, of which one would be read; give the path of one file, or move the others to another folder"
        )


def _is_told_how(config: BuilderConfig) -> bool:
    """Whether a setting is another than the format's own, such as the separator."""
    usual = vars(type(config)())
    return any(value != usual.get(key) for key, value in vars(config).items() if key not in _PLACES)


def _is_utf_8(file: Path, source: Source) -> bool:
    """Whether a text file is; anything else is left to what reads it."""
    if kind_of(file) in (None, Kind.PARQUET):
        return True
    name = f"{source.text}: {file.name}"
    try:
        content_of(read_bytes(str(file), name), str(file), name).decode()
    except UnicodeDecodeError:
        return False
    return True
