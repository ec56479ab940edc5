"""Reading through Hugging Face's `datasets`, quietly and to text.

A text file is read from a private copy, so what was checked is what is read, whatever the characters of its
path mean to `datasets` (which takes paths for patterns). Remote code never runs: `datasets` 4 dropped it.
"""

import logging
import tempfile
import threading
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow
from datasets import (
    Dataset,
    Features,
    ReadInstruction,
    Value,
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    load_dataset,
    load_dataset_builder,
)
from datasets.exceptions import DatasetsError
from datasets.utils import tqdm
from datasets.utils.logging import get_verbosity, set_verbosity
from pyarrow import ArrowException, BufferReader
from pyarrow.parquet import ParquetFile

from ...spaces.errors import DataError
from .as_text import reason, to_text
from .delimited import Outline
from .sources import Kind, Source
from .text_columns import TextColumns

_PANDAS_INDEX = "__index_level_0__"
_MOST_COLUMNS = 1000  # of a CSV file in a folder or on the Hub; a column beyond keeps the types that pandas finds


def read_delimited(text: str, outline: Outline, source: Source) -> TextColumns:
    """Read a CSV or TSV text that was checked, as its outline says.

    Raises:
        DataError: pandas reads it in another way than the check did.
    """
    if not outline.lines:  # which pandas would not read
        return TextColumns([], {name: [] for name in outline.columns})
    # Blank lines come as rows and the outline drops them, because pandas' own skipping takes rows of blanks
    # too. It reads a header from the first line, so blank lines before it have to go.
    given: dict[str, Any] = {} if outline.names == outline.columns else {"names": outline.names, "header": 0}
    try:
        with _private_copy(text.lstrip("\r\n").encode()) as (file, cache):
            dataset = Dataset.from_csv(
                file,
                features=_all_text(outline.names),
                cache_dir=cache,
                keep_in_memory=True,
                sep=outline.delimiter,
                quoting=outline.quoting,
                na_filter=False,
                skip_blank_lines=False,
                encoding="utf-8",
                **given,
            )
            found = to_text(dataset.select(outline.records))
            return TextColumns(outline.lines, {name: found.columns[name] for name in outline.columns})
    except (DatasetsError, ValueError, OSError) as error:
        raise DataError(f"{source.text}: not a readable {source.kind.upper()} file ({reason(error)})") from error


def read_parquet(data: bytes, source: Source) -> TextColumns:
    """Read the bytes of a Parquet file; DataError if they are none, or two columns have one name.

    Not by `Dataset.from_parquet`, which takes no file without rows, and none with a column that it has no type for.
    """
    try:
        table = ParquetFile(BufferReader(data)).read()
    except (ArrowException, OSError) as error:
        raise DataError(f"{source.text}: not a readable Parquet file ({reason(error)})") from error
    if repeated := [name for name, count in Counter(table.column_names).items() if count > 1]:
        raise DataError(f"{source.text}: more than one column has the name {', '.join(map(repr, repeated))}")
    foreign = [column for column in table.schema if not _has_feature(column)]
    # With a fingerprint of ours, as its own is a hash of all that the table holds, and nothing is cached here.
    result = to_text(Dataset(table.drop_columns([column.name for column in foreign]), fingerprint="parquet"))
    result.faults.update({each.name: f"column {each.name!r} holds {each.type}, not text" for each in foreign})
    return result


def _has_feature(column: pyarrow.Field) -> bool:
    """Whether `datasets` has a type for it."""
    try:
        Features.from_arrow_schema(pyarrow.schema([column]))
    except ValueError:
        return False
    return True


def read_collection(source: Source) -> TextColumns:
    """Read one split of a local folder or of a Hub data set; DataError if it cannot be had."""
    try:
        with quiet(), tempfile.TemporaryDirectory(prefix="autotune-") as cache:
            # What was downloaded is kept where every Hugging Face tool looks for it; a folder may change.
            return to_text(_open_collection(source, cache if source.kind is Kind.FOLDER else None))
    except ConnectionError as error:
        raise DataError(
            f"{source.text}: no file or folder has this name, and the Hugging Face Hub cannot be reached for a "
            f"data set {source.place!r}; a local file or folder needs no network"
        ) from error
    except (DatasetsError, ValueError, OSError, RuntimeError) as error:
        place = "folder" if source.kind is Kind.FOLDER else "data set of the Hugging Face Hub"
        raise DataError(
            f"{source.text}: cannot be loaded as a {place}, split {source.split!r} ({reason(error)}); "
            "a local file (.csv, .tsv, .jsonl, .parquet) works too"
        ) from error


def _open_collection(source: Source, cache: str | None) -> Dataset:
    selection: dict[str, Any] = {"path": source.place, "name": source.config, "cache_dir": cache}
    if load_dataset_builder(**selection).name == "csv":
        # By position, as the names are not known yet: pandas' own types would turn the label 007 into 7.
        selection |= {"na_filter": False, "converters": dict.fromkeys(range(_MOST_COLUMNS), str)}
    found = load_dataset(**selection, split=source.split, keep_in_memory=True)
    if "converters" in selection and _PANDAS_INDEX in found.column_names:
        raise ValueError("its rows have more cells than its header has columns")
    return found


def rows_of(source: Source, count: int) -> range:
    """Which of a split's rows are meant, as in `folder@train[:1000]`; DataError where there are none such."""
    base = source.split.partition("[")[0]
    try:
        (part,) = ReadInstruction.from_spec(source.split).to_absolute({base: count})
    except (ValueError, AssertionError) as error:
        raise DataError(f"{source.text}: no such part of {count} rows ({reason(error)})") from error
    return range(part.from_, part.to)


def _all_text(names: Sequence[str]) -> Features:
    return Features({name: Value("string") for name in names})


@contextmanager
def _private_copy(data: bytes) -> Generator[tuple[str, str]]:
    """A copy of the data and a cache folder for it, both gone afterwards."""
    with quiet(), tempfile.TemporaryDirectory(prefix="autotune-") as folder:
        file = Path(folder, "data.csv")
        file.write_bytes(data)
        yield str(file), str(Path(folder, "cache"))


@contextmanager
def quiet() -> Generator[None]:
    """No progress bars and no log lines of `datasets`: what matters comes as a DataError."""
    verbosity, had_bars = get_verbosity(), not are_progress_bars_disabled()
    set_verbosity(logging.CRITICAL)
    disable_progress_bars()
    # By itself it makes a lock of the machine, and Python warns of one as leaked where a worker is killed.
    tqdm.set_lock(threading.RLock())
    try:
        yield
    finally:
        set_verbosity(verbosity)
        if had_bars:
            enable_progress_bars()
