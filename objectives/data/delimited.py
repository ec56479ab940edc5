"""Strict validation of a delimited text before it is loaded, so that each mistake has its line.

The loaders below repair silently (short rows become empty values, surplus fields an index), which
would train on rows that the user never wrote.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .mistakes import Mistakes

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SUFFIXES = {",": ".csv", "\t": ".tsv"}
_IN_PLACE_OF_COMMAS = (";", "\t")
"""What programs write to a CSV where the comma is the decimal separator."""
_QUOTED = re.compile(r'(?:^|(?<=\t))"(?:[^"\t\r\n]|"")*"(?=[\t\r\n]|\Z)', re.MULTILINE)
"""A quoted cell of one line of a TSV."""
_WHOLE = re.compile(r"-?\d+")
Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL and csv.QUOTE_NONE."""


@dataclass(frozen=True)
class Outline:
    """What a delimited file holds, without its values."""

    columns: list[str]
    """The names of the columns that are read."""
    names: list[str]
    """Those of all columns in the file, each another; of one that is ignored it is blank."""
    records: list[int]
    """For each row its place among the records after the header, where blank lines count too."""
    lines: list[int]
    """For each row the line, from 1, on which it starts."""
    quoting: Quoting
    """What quotes are: `csv.QUOTE_MINIMAL`, or `csv.QUOTE_NONE` where they are part of the texts."""
    delimiter: str
    """What stands between the cells."""
    blank: list[int]
    """The lines of rows of nothing but separators."""


def check_delimited(text: str, delimiter: str, source: str) -> Outline:
    """Read all records of a CSV or TSV text, as Python's `csv` module does, and keep where they stand.

    Columns without a name are ignored where they are empty, or pandas' index; rows of nothing but separators, as
    spreadsheets write them, are left out, and their lines kept. Where a CSV's header has semicolons, or tabs, and no
    comma, these are its separators, unless commas make more sense of the rows: spreadsheets write them in countries
    that write 4,5 for 4.5.

    Quotes of a TSV are part of its texts where reading them as quotes joins lines or fails, every line has its columns
    without, and few cells are quoted as a CSV's are: many programs write tabs and no quotes, and a text may begin with
    one.

    Raises:
        DataError: blank or repeated column names, ragged rows, quotes that do not match.
    """
    outline, mistakes = _checked(text, delimiter, source)
    if delimiter == "," and (other := _in_place_of_commas(text)):
        found, wrong = _checked(text, other, source)
        if len(wrong) < max(1, len(mistakes), len(found.lines)):
            outline, mistakes = found, wrong
    mistakes.raise_if_any()
    return outline


def _in_place_of_commas(text: str) -> str:
    """The separator that the header has in place of commas; the empty string where it has a comma, or more than one."""
    if _header_cells(text, ",") > 1:
        return ""
    found = [separator for separator in _IN_PLACE_OF_COMMAS if _header_cells(text, separator) > 1]
    return found[0] if len(found) == 1 else ""


def _header_cells(text: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next((len(fields) for fields in reader if fields), 0)
    except csv.Error:
        return 0


def _checked(text: str, delimiter: str, source: str) -> tuple[Outline, Mistakes]:
    """The outline and its mistakes, with quotes as the file has them."""
    outline, mistakes = _outline(text, delimiter, source, csv.QUOTE_MINIMAL)
    if delimiter == "\t" and '"' in text and '"' not in _first_line(text)[1]:
        plain, wrong = _outline(text, delimiter, source, csv.QUOTE_NONE)
        joined = len(plain.columns) > 1 and len(plain.lines) > len(outline.lines)
        if not wrong and (mistakes or joined) and not _quotes(text):
            return plain, wrong
    return outline, mistakes


def _quotes(text: str) -> bool:
    """Whether cells of a TSV are quoted: some with a quote in them, written twice, or those of every second line."""
    cells = _QUOTED.findall(text)
    return any('""' in cell[1:-1] for cell in cells) or 2 * len(cells) > text.count("\n")


def _outline(text: str, delimiter: str, source: str, quoting: Quoting) -> tuple[Outline, Mistakes]:
    mistakes = Mistakes(source)
    records = _records(text, delimiter, quoting, mistakes)
    header_line, header = next(((line, fields) for line, fields in records if fields), (1, []))
    nameless: dict[int, list[str]] = {place: [] for place, name in enumerate(header) if not name.strip()}
    places, lines, blank = list[int](), list[int](), list[int]()
    for record, (line, fields) in enumerate(records):
        if 1 < len(fields) <= len(header) and not any(fields):  # a wider one pandas takes for rows with an index
            blank.append(line)
        elif len(fields) == len(header):
            places.append(record)
            lines.append(line)
            for place, values in nameless.items():
                values.append(fields[place])
        elif fields:
            mistakes.add(line, _ragged(fields, header))
    ignored = _ignored(nameless) if len(nameless) < len(header) else set[int]()
    columns = [name for place, name in enumerate(header) if place not in ignored]
    _check_columns(header, [place + 1 for place in nameless if place not in ignored], header_line, mistakes)
    if mistakes:
        line, start = _first_line(text)
        if hint := other_separator(start, delimiter):
            mistakes.add(line, hint)
        if len(header) > 1 and all(name.startswith(" ") for name in header[1:]):
            mistakes.add(line, "blanks follow the separators; a quote after a blank does not quote: remove the blanks")
    names = [" " * (place + 1) if place in ignored else name for place, name in enumerate(header)]
    return Outline(columns, names, places, lines, quoting, delimiter, blank), mistakes


def _ignored(nameless: Mapping[int, Sequence[str]]) -> set[int]:
    """The places of columns without a name that are no data: without content, or an index as pandas writes it."""
    empty = {place for place, values in nameless.items() if not any(value.strip() for value in values)}
    return empty | {place for place, values in nameless.items() if place == 0 and _is_index(values)}


def _is_index(values: Sequence[str]) -> bool:
    """Whole numbers, each at most twice on average: labels repeat more often."""
    return all(map(_WHOLE.fullmatch, values)) and 2 * len(set(values)) >= len(values)


def _first_line(text: str) -> tuple[int, str]:
    """The first line that is not empty, as the file has it, and its number from 1."""
    return next((number, line) for number, line in enumerate(text.splitlines(), 1) if line)


def other_separator(header: str, delimiter: str) -> str:
    """What to do where a header holds another separator in place of `delimiter`; the empty string where it does not."""
    found = next((separator for separator in _SEPARATORS if separator in header), None)
    if found is None or delimiter in header:
        return ""
    name = f", or call it {_SUFFIXES[found]}" if found in _SUFFIXES else ""
    return (
        f"the header is one column, and seems to be separated by {_SEPARATORS[found]}; write the file with "
        f"{_SEPARATORS[delimiter]}{name}"
    )


def _records(text: str, delimiter: str, quoting: Quoting, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mistakes.add(line, _explain(str(error)))


def _explain(error: str) -> str:
    if error.startswith("unexpected end"):
        return "a quote opens in this row and is never closed"
    if "expected after" in error:
        return "text follows a closing quote (a quote inside a quoted field is written twice)"
    if error.startswith("field larger"):
        return f"a field over {csv.field_size_limit():,} characters (a quote never closed? else use JSONL or Parquet)"
    return error


def _check_columns(columns: Sequence[str], blank: Sequence[int], line: int, mistakes: Mistakes) -> None:
    if blank:
        mistakes.add(line, f"the header has no name for column {', '.join(map(str, blank))}{_unnamed(columns, blank)}")
    repeated = [name for name, count in Counter(columns).items() if count > 1 and name.strip()]
    if repeated:
        mistakes.add(line, f"the header repeats {', '.join(map(repr, repeated))}")


def _unnamed(columns: Sequence[str], blank: Sequence[int]) -> str:
    """What a column without a name is, where that can be told from its place."""
    if columns[0].startswith("sep="):
        return " (this line is for Excel alone: delete it)"
    if len(blank) < len(columns) and blank == [1]:
        return " (an index, as pandas writes it? write the file with index=False, or give the column a name)"
    return ""


def _ragged(fields: Sequence[str], columns: Sequence[str]) -> str:
    found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    expected = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
    return f"{found}, where the header has {expected} ({', '.join(columns)})"
