"""JSON Lines, read to text.

`datasets` reads JSON through Arrow, which guesses types: "2024-01-01" becomes a timestamp and 1.10
becomes 1.1, so a label would change its name. The lines are therefore read here, value by value.
"""

import json
from collections.abc import Mapping, Sequence

from .mistakes import Mistakes
from .text_columns import TextColumns


def parse_json_lines(text: str, source: str) -> TextColumns:
    """Read one object a line; blank lines are skipped, null is the empty text, or the empty list.

    Numbers keep the digits that the file has. What an object holds becomes a column by its dotted name. A column
    that misses in some row, or holds something else, is a fault of that column alone: the study may not need it.

    Raises:
        DataError: lines that are no JSON objects, or that repeat a key.
    """
    mistakes = Mistakes(source)
    found: dict[int, dict[str, object]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found[number] = _parse_row(line)
            except ValueError as error:
                mistakes.add(number, str(error))
    mistakes.raise_if_any()
    rows, result = list(found.values()), TextColumns(list(found))
    for name in dict.fromkeys(key for row in rows for key in row):
        _add_column(name, rows, result)
    return result


def _parse_row(line: str) -> dict[str, object]:
    try:
        row: object = json.loads(
            line, parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=_without_repeats
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.colno}") from error
    except RecursionError as error:
        raise ValueError("no row: the JSON is nested too deeply") from error
    if not isinstance(row, _Row):
        raise ValueError(f"no JSON object, as in {json.dumps({'text': 'good', 'label': 'positive'})}")
    return row


def _constant(name: str) -> str | None:
    """Python writes a missing number as NaN; an infinite one is none that is missing."""
    return None if name == "NaN" else name


class _Row(dict[str, object]):
    """A JSON object; its own type, so that a line `[]` cannot pass for one."""


def _without_repeats(pairs: list[tuple[str, object]]) -> _Row:
    row = _Row(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return row


def _add_column(
    name: str, rows: Sequence[Mapping[str, object]], result: TextColumns, outer: tuple[str, ...] = ()
) -> None:
    """Add the column `name` of these objects as texts, as lists of texts, or as the columns of inner objects."""
    values = [row.get(name) for row in rows]
    path = (*outer, name)
    if inner := [value for value in values if isinstance(value, _Row)]:
        keys = dict.fromkeys(key for value in inner for key in value)
        # An object that is null has each of its keys, as null; one that misses, or is something else, has none.
        empty: list[Mapping[str, object]] = [keys if name in row and row[name] is None else {} for row in rows]
        objects = [value if isinstance(value, _Row) else none for value, none in zip(values, empty, strict=True)]
        for key in keys:
            _add_column(key, objects, result, path)
    holds_lists = isinstance(next((value for value in values if value is not None), None), list)
    texts: list[str] = []
    lists: list[list[str]] = []
    for line, row in zip(result.lines, rows, strict=True):
        try:
            if holds_lists:
                lists.append(_texts(row, name))
            else:
                texts.append(_text(row, name))
        except ValueError as error:
            result.put(path, result.faults, f"line {line}: {error}")
            return
    if lists:
        result.put(path, result.lists, lists)
    else:
        result.put(path, result.columns, texts)


def _texts(row: Mapping[str, object], name: str) -> list[str]:
    value = _value(row, name)
    if not isinstance(value, list | None):
        raise ValueError(f"{name!r} holds no list here, but does in the first row")
    return [_scalar(item, name) for item in value or ()]


def _text(row: Mapping[str, object], name: str) -> str:
    return _scalar(_value(row, name), name)


def _value(row: Mapping[str, object], name: str) -> object:
    if name not in row:
        raise ValueError(f"the key {name!r} is missing")
    return row[name]


def _scalar(value: object, name: str) -> str:
    if isinstance(value, (list, dict)):
        raise ValueError(f"{name!r} holds {'a list' if isinstance(value, list) else 'an object'}, not a text")
    if not isinstance(value, str):
        return "" if value is None else str(value).lower()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name!r} holds an unpaired surrogate, which is not a character")
    return value
