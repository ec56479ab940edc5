"""From a source to a table of text.

A text file is checked first and read second, so that a mistake is an error with its line.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path

from ...spaces.errors import DataError
from .conll import parse_conll
from .decoding import content_of, decode, read_bytes
from .delimited import check_delimited, other_separator
from .folders import files_of, labels_of, own_kinds
from .huggingface import read_collection, read_delimited, read_parquet, rows_of
from .json_lines import parse_json
from .sources import Kind, Source
from .table import Table, append, take, with_written_lists
from .text_columns import TextColumns

DELIMITERS = {Kind.CSV: ",", Kind.TSV: "\t"}


def load_table(source: Source) -> Table:
    """Read all rows of a source.

    Raises:
        DataError: the source cannot be read, or has mistakes; the message gives their lines.
    """
    table = _read(source)
    if not len(table):
        of = f", only the columns {', '.join(table.names)}" if table.names else ""
        raise DataError(f"{source.text}: has no rows{of}")
    return with_written_lists(table)


def _read(source: Source) -> Table:
    """All rows of a source; a file may have none."""
    if not source.is_file:
        files = files_of(source) if source.kind is Kind.FOLDER else []
        if (table := _folder_of_files(source, files)) is not None:
            return table
        content = read_collection(source)
        return _table(source, content, _digest_of_columns(content), labels_of(files))
    data = read_bytes(source.place, source.text)
    digest = hashlib.sha256(data).hexdigest()
    data = content_of(data, source.place, source.text)
    if source.kind is Kind.PARQUET:
        return _table(source, read_parquet(data, source), digest)
    text = decode(data, source.text, source.encoding, source.section)
    if source.kind is Kind.JSONL:
        return _table(source, parse_json(text, source.text), digest)
    if source.kind is Kind.CONLL:
        return _table(source, parse_conll(text, source.text), digest)
    outline = check_delimited(text, DELIMITERS[source.kind], source.text)
    hint = other_separator(outline.columns[0], outline.delimiter) if len(outline.columns) == 1 else ""
    table = _table(source, read_delimited(text, outline, source), digest, hint)
    return replace(table, blank_rows=[f"{source.text}, line {line}" for line in outline.blank])


def fingerprint(source: Source, known: str = "") -> str:
    """`load_table(source).fingerprint`; of whole files without parsing them, so whatever their encoding.

    Args:
        source: what is read.
        known: what a study has stored; it is returned where an earlier version makes it of what is there now.
    """
    if source.is_file:
        return hashlib.sha256(read_bytes(source.place, source.text)).hexdigest()
    files = _own_files(source, files_of(source)) if source.kind is Kind.FOLDER else []
    if not files:
        content = read_collection(source)
        return known if known == _earlier_digest_of_columns(content) else _digest_of_columns(content)
    if "[" in source.split:
        return load_table(source).fingerprint
    return _joined([hashlib.sha256(read_bytes(str(file), source.text)).hexdigest() for file, _ in files])


def _joined(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _folder_of_files(source: Source, every: Sequence[Path]) -> Table | None:
    """The rows of a split whose files are of the kinds that we check; None where one is of another kind.

    `datasets` would read them as well, but takes a row with a cell too many for an index, and texts for dates.
    """
    tables = [
        _read(replace(source, text=f"{source.text}: {file.name}", kind=kind, place=str(file)))
        for file, kind in _own_files(source, every)
    ]
    return _part_of(source, tables) if tables else None


def _own_files(source: Source, every: Sequence[Path]) -> list[tuple[Path, Kind]]:
    """The files of a split with their kinds; none where `datasets` reads one of them."""
    files = [file for file in every if file.stat().st_size] or every  # an empty one among others has no rows
    kinds = own_kinds(source, files)
    return [(file, kind) for file, kind in zip(files, kinds, strict=True) if kind is not None and None not in kinds]


def _part_of(source: Source, tables: Sequence[Table]) -> Table:
    """The rows of several files, as far as the source names them; DataError where their columns differ."""
    first, *others = tables
    for other in others:
        if set(other.names) != set(first.names):
            there, here = (", ".join(map(repr, table.names)) for table in (other, first))
            raise DataError(f"{other.source}: has the columns {there}; {first.source} has {here}")
    table = reduce(append, others, first)
    if others:
        digest, lines = _joined([each.fingerprint for each in tables]), range(1, len(table) + 1)
        table = replace(table, source=source.text, lines=lines, unit="row", fingerprint=digest)
    rows = rows_of(source, len(table))
    if len(rows) == len(table):
        return table
    return replace(take(table, rows), fingerprint=f"{table.fingerprint}[{rows.start}:{rows.stop}]")


def _table(source: Source, content: TextColumns, digest: str, hint: str = "") -> Table:
    faults = {name: f"{source.text}, {why}" for name, why in content.faults.items()}
    return Table(source.text, content.columns, content.lines, digest, content.unit, content.lists, faults, hint)


def _digest_of_columns(content: TextColumns) -> str:
    """Of faults only the columns count: how their messages are worded changes no data."""
    return _earlier_digest_of_columns(replace(content, faults=dict.fromkeys(content.faults, "")))


def _earlier_digest_of_columns(content: TextColumns) -> str:
    """As earlier versions made it, with the messages of faults."""
    return hashlib.sha256(json.dumps([content.columns, content.lists, content.faults]).encode()).hexdigest()
