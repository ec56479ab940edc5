"""From a source to a table of text.

A text file is checked first and read second, so that a mistake is an error with its line.
"""

import hashlib
import json

from ...spaces.errors import DataError
from .checking import check_delimited, decode, other_separator, read_bytes
from .huggingface import TextColumns, read_collection, read_delimited, read_parquet
from .json_lines import parse_json_lines
from .sources import Kind, Source
from .table import Table

DELIMITERS = {Kind.CSV: ",", Kind.TSV: "\t"}


def load_table(source: Source) -> Table:
    """Read all rows of a source.

    Raises:
        DataError: the source cannot be read, or has mistakes; the message gives their lines.
    """
    if not source.is_file:
        content = read_collection(source)
        return _table_of_rows(source, content, _digest_of_columns(content))
    data = read_bytes(source.place, source.text)
    digest = hashlib.sha256(data).hexdigest()
    if source.kind is Kind.PARQUET:
        return _table_of_rows(source, read_parquet(data, source), digest)
    text = decode(data, source.text)
    if source.kind is Kind.JSONL:
        rows = parse_json_lines(text, source.text)
        return Table(source.text, rows.columns, rows.lines, digest, lists=rows.lists, faults=rows.faults)
    delimiter = DELIMITERS[source.kind]
    outline = check_delimited(text, delimiter, source.text)
    content = read_delimited(text, delimiter, outline.columns, outline.records, source)
    hint = other_separator(outline.columns[0], delimiter) if len(outline.columns) == 1 else ""
    return Table(source.text, content.columns, outline.lines, digest, hint=hint)


def fingerprint(source: Source) -> str:
    """`load_table(source).fingerprint`, without parsing a file."""
    if source.is_file:
        return hashlib.sha256(read_bytes(source.place, source.text)).hexdigest()
    return load_table(source).fingerprint


def _table_of_rows(source: Source, content: TextColumns, digest: str) -> Table:
    if not content.rows:
        raise DataError(f"{source.text}: has no rows")
    return Table(source.text, content.columns, range(1, content.rows + 1), digest, "row", content.lists, content.faults)


def _digest_of_columns(content: TextColumns) -> str:
    return hashlib.sha256(json.dumps([content.columns, content.lists, content.faults]).encode()).hexdigest()
