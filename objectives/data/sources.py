"""Where rows come from: what the user wrote in `data.train`, resolved once.

    reviews.csv  reviews.tsv  reviews.jsonl  reviews.json  reviews.parquet  names.conll    a file, or packed: .csv.gz
    folder  folder@test  folder:config@test                       a folder that `datasets.load_dataset` opens
    owner/name  owner/name@test  owner/name:config@test           a data set on the Hugging Face Hub

Without `@split` the split is `train`; it may be a slice, as in `owner/name@train[:1000]`.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...spaces.errors import DataError
from ..places import place_of
from .decoding import PACKED, other_format


class Kind(StrEnum):
    """How a source is opened."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    CONLL = "conll"
    FOLDER = "folder"
    HUB = "hub"


FILE_KINDS = {
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".jsonl": Kind.JSONL,
    ".ndjson": Kind.JSONL,
    ".json": Kind.JSONL,
    ".parquet": Kind.PARQUET,
    ".conll": Kind.CONLL,
    ".bio": Kind.CONLL,
    ".iob": Kind.CONLL,
}
_SELECTION = re.compile(r"(?P<place>.+?)(?::(?P<config>[\w.-]+))?(?:@(?P<split>[\w.-]+(?:\[[\d:%-]+\])?))?")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Source:
    """A place that rows come from; nothing has been read yet."""

    text: str
    """As the user wrote it, for messages."""
    kind: Kind
    place: str
    """The path of a file or folder, or the id of a Hub data set."""
    config: str | None = None
    split: str = "train"
    encoding: str | None = None
    """Of text files without a byte order mark; None: UTF-8."""
    section: str = "data"
    """The part of the study file that names it and its encoding, for messages."""

    @property
    def is_file(self) -> bool:
        return self.kind in FILE_KINDS.values()

    @property
    def has_header(self) -> bool:
        """Whether the first line of its file names the columns."""
        return self.kind in (Kind.CSV, Kind.TSV)


def resolve_source(text: str, base: Path) -> Source:
    """Find out what `text` names; paths are relative to the folder `base`.

    Raises:
        DataError: there is no such file, it has a format that is not read, or no file can have this name.
    """
    try:
        return _resolve(text, base)
    except OSError as error:
        raise DataError(f"{text}: cannot be looked up ({error.strerror})") from error


def suggestion(name: str, choices: Iterable[str]) -> str:
    """The end of a message, `, did you mean 'label'?`, or the empty string where no choice is near to `name`."""
    near = difflib.get_close_matches(name, list(choices), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _resolve(text: str, base: Path) -> Source:
    if not text.strip() or "\0" in text:
        raise DataError(f"{text!r} names no data; give {_allowed()}")
    path = place_of(text, base)
    kind = kind_of(path)
    if kind is not None and not path.is_dir():
        return _resolve_file(text, path, kind)
    if path.is_file():
        if what := other_format(path):
            raise DataError(f"{text}: the file is {what}")
        raise DataError(
            f"{text}: files of the type {path.suffix or '(no suffix)'!r} are not supported; give {_allowed()}"
            "; a file with a word and its tags on each line is read as .conll"
        )
    return _resolve_collection(text, base)


def kind_of(path: Path) -> Kind | None:
    """Of a file, by the end of its name, or of the name of what is packed in it; None: none that is read."""
    inner = path.with_suffix("") if path.suffix.lower() == PACKED else path
    return FILE_KINDS.get(inner.suffix.lower())


def _resolve_file(text: str, path: Path, kind: Kind) -> Source:
    if not path.exists():
        raise DataError(f"{text}: no such file{_nearest_file(path)}")
    return Source(text, kind, str(path.resolve()))


def _resolve_collection(text: str, base: Path) -> Source:
    whole = place_of(text, base)
    if whole.is_dir():
        return Source(text, Kind.FOLDER, str(whole.resolve()))
    selection = _SELECTION.fullmatch(text)
    if selection is None:
        raise DataError(f"{text}: no such file or folder; give {_allowed()}")
    place, config, split = selection["place"], selection["config"], selection["split"] or "train"
    folder = place_of(place, base)
    if folder.is_dir():
        return Source(text, Kind.FOLDER, str(folder.resolve()), config, split)
    # `data/train.text` looks like a Hub id, but beside an existing folder `data` it is a misspelt path.
    if _HUB_ID.fullmatch(place) is None or folder.parent.is_dir():
        raise DataError(f"{text}: no such file or folder{_nearest_file(folder)}; give {_allowed()}")
    return Source(text, Kind.HUB, place, config, split)


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():  # before an @ a URL may have a password, which is not repeated
        return "" if "@" in path.parent.name else f" (nor is there a folder {path.parent.name!r})"
    return suggestion(path.name, sorted(entry.name for entry in path.parent.iterdir()))


def _allowed() -> str:
    return f"a file ({', '.join(FILE_KINDS)}; or packed, as .csv.gz), a folder, or a Hub data set as owner/name@split"
