"""JSON Lines, read to text.

`datasets` reads JSON through Arrow, which guesses types: "2024-01-01" becomes a timestamp and 1.10
becomes 1.1, so a label would change its name. The lines are therefore read here, value by value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .checking import Mistakes


@dataclass
class JsonLines:
    """The rows of a JSON Lines file, as columns of text."""

    columns: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Columns that are not whole columns of text, with the reason."""
    lines: list[int] = field(default_factory=list[int])


def parse_json_lines(text: str, source: str) -> JsonLines:
    """Read one object a line; blank lines are skipped, null is the empty text.

    Numbers keep the digits that the file has. A column that misses in some row, or that holds a
    list or an object, is a fault of that column alone: the study may not need it.

    Raises:
        DataError: lines that are no JSON objects, or that repeat a key.
    """
    mistakes = Mistakes(source)
    result = JsonLines()
    rows: list[dict[str, object]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_parse_row(line))
                result.lines.append(number)
            except ValueError as error:
                mistakes.add(number, str(error))
    mistakes.raise_if_any()
    for name in dict.fromkeys(key for row in rows for key in row):
        _add_column(name, rows, result)
    return result


def _parse_row(line: str) -> dict[str, object]:
    try:
        row: object = json.loads(
            line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_without_repeats
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.colno}") from error
    except RecursionError as error:
        raise ValueError("no row: the JSON is nested too deeply") from error
    if not isinstance(row, _Row):
        raise ValueError(f"no JSON object, as in {json.dumps({'text': 'good', 'label': 'positive'})}")
    return row


class _Row(dict[str, object]):
    """A JSON object; its own type, so that a line `[]` cannot pass for one."""


def _without_repeats(pairs: list[tuple[str, object]]) -> _Row:
    row = _Row(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return row


def _add_column(name: str, rows: list[dict[str, object]], result: JsonLines) -> None:
    values: list[str] = []
    for line, row in zip(result.lines, rows, strict=True):
        try:
            values.append(_text(row, name))
        except ValueError as error:
            result.faults[name] = f"line {line}: {error}"
            return
    result.columns[name] = values


def _text(row: Mapping[str, object], name: str) -> str:
    if name not in row:
        raise ValueError(f"the key {name!r} is missing")
    value = row[name]
    if isinstance(value, (list, dict)):
        raise ValueError(f"{name!r} holds {'a list' if isinstance(value, list) else 'an object'}, not a text")
    if not isinstance(value, str):
        return "" if value is None else str(value).lower()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name!r} holds half of a surrogate pair, which is no character")
    return value
