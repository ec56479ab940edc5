"""The files of a folder's split, as `datasets` finds them."""

import re
from collections.abc import Sequence
from pathlib import Path

from datasets import BuilderConfig, load_dataset_builder
from datasets.data_files import DataFilesDict, get_data_patterns
from datasets.exceptions import DatasetsError

from ...spaces.errors import DataError
from .huggingface import quiet
from .sources import FILE_KINDS, Source

_PLACES = {"name", "version", "data_dir", "data_files", "description"}
"""Settings of a format's builder that say where files are, and not how they are read."""
_MAY_DESCRIBE = {".json"}
"""What holds rows, or tells of those of other files."""


def files_of(source: Source) -> list[Path]:
    """The files of a folder's split.

    An empty list where `datasets` finds none, which reading explains, or where the folder's own README says how to
    read them.

    Raises:
        DataError: the split has files of another format too, whose rows `datasets` would leave out without a word.
    """
    name = re.match(r"[\w.-]+", source.split)
    split = name[0] if name else source.split
    try:
        with quiet():
            builder = load_dataset_builder(source.place, source.config)
            named = {} if has_card(Path(source.place)) else _by_their_names(source.place)
    except (DatasetsError, ValueError, OSError, RuntimeError):
        return []
    found = [Path(file) for file in (builder.config.data_files or {}).get(split, [])]
    _check_one_format(source, found, [Path(file) for file in named.get(split, [])])
    return [] if builder.info.features is not None or _is_told_how(builder.config) else found


def has_card(folder: Path) -> bool:
    """Whether its README says how it is to be read, as a card of the Hub does."""
    card = folder / "README.md"
    return card.is_file() and card.read_bytes().startswith(b"---")


def _by_their_names(place: str) -> DataFilesDict:
    """The files of each split, whatever their formats."""
    return DataFilesDict.from_patterns(get_data_patterns(place), base_path=place)


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
