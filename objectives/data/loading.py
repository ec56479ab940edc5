"""From a source to a table of text.

Every value stays the text that the file has: "NA", "null", "007" and "" are texts, and nothing is NaN.
A text file is checked first and read second, so that a mistake is an error with its line.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...spaces.errors import DataError
from .checking import check_delimited, decode, read_bytes
from .huggingface import TextColumns, read_collection, read_delimited, read_parquet
from .json_lines import parse_json_lines
from .sources import Kind, Source, suggestion

DELIMITERS = {Kind.CSV: ",", Kind.TSV: "\t"}


@dataclass(frozen=True)
class Table:
    """Rows of text, by column."""

    source: str
    """As the user wrote it: for messages."""
    columns: Mapping[str, list[str]]
    lines: Sequence[int]
    """For each row the number that a message names, from 1: its line, or its row where a source has no lines."""
    fingerprint: str
    """SHA-256, in hex, of the file's bytes, or of the columns' content where the source is not one file."""
    unit: str = "line"
    faults: Mapping[str, str] = field(default_factory=dict[str, str])
    """Columns that cannot be used as text, with the reason."""

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[str]:
        """The values of a column, one a row; DataError if there is none, or if it is not all text."""
        if name in self.faults:
            raise DataError(f"{self.source}, {self.faults[name]}")
        if name not in self.columns:
            names = [*self.columns, *self.faults]
            raise DataError(
                f"{self.source}: there is no column {name!r}{suggestion(name, names)}; "
                f"its columns: {', '.join(map(repr, names))}"
            )
        return self.columns[name]

    def where(self, row: int) -> str:
        """The place of a row for a message: "reviews.csv, line 17"."""
        return f"{self.source}, {self.unit} {self.lines[row]}"


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
        return Table(source.text, rows.columns, rows.lines, digest, faults=rows.faults)
    outline = check_delimited(text, DELIMITERS[source.kind], source.text)
    content = read_delimited(text, DELIMITERS[source.kind], outline.columns, outline.records)
    return Table(source.text, content.columns, outline.lines, digest)


def fingerprint(source: Source) -> str:
    """`load_table(source).fingerprint`, without parsing a file."""
    if source.is_file:
        return hashlib.sha256(read_bytes(source.place, source.text)).hexdigest()
    return load_table(source).fingerprint


def _table_of_rows(source: Source, content: TextColumns, digest: str) -> Table:
    if not content.rows:
        raise DataError(f"{source.text}: has no rows")
    return Table(source.text, content.columns, range(1, content.rows + 1), digest, "row", content.faults)


def _digest_of_columns(content: TextColumns) -> str:
    return hashlib.sha256(json.dumps([content.columns, content.faults]).encode()).hexdigest()
