"""JSON Lines, or an array of objects, read to text.

`datasets` reads JSON through Arrow, which guesses types: "2024-01-01" becomes a timestamp and 1.10
becomes 1.1, so a label would change its name. The lines are therefore read here, value by value.
"""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from ...spaces.errors import DataError
from .mistakes import Mistakes
from .text_columns import TextColumns

_NO_OBJECT = f"no JSON object, as in {json.dumps({'text': 'good', 'label': 'positive'})}"


class _Row(dict[str, object]):
    """A JSON object; its own type, so that a line `[]` cannot pass for one."""


def parse_json(text: str, source: str) -> TextColumns:
    """Read one object a line, or an array of objects; null is the empty text, or the empty list.

    Numbers keep the digits that the file has. What an object holds becomes a column by its dotted name. A column
    that misses in some row, or holds something else, is a fault of that column alone: the study may not need it.

    Raises:
        DataError: lines, or items of the array, that are no JSON objects, or that repeat a key.
    """
    rows = _array(text, source) if text.lstrip().startswith("[") else None
    unit, found = ("line", _lines(text, source)) if rows is None else ("row", dict(enumerate(rows, 1)))
    rows, result = list(found.values()), TextColumns(list(found), unit=unit)
    if len(rows) == 1 and _holds_columns(rows[0]):
        raise DataError(
            f"{source}: the file is one object of columns, as pandas writes it by default; "
            "write its rows: df.to_json(FILE, orient='records')"
        )
    _add_columns(dict(enumerate(rows)), range(len(rows)), result)
    return result


def _lines(text: str, source: str) -> dict[int, _Row]:
    """The object of each line by its number; blank lines are skipped."""
    mistakes = Mistakes(source)
    found: dict[int, _Row] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found[number] = _parse_row(line)
            except ValueError as error:
                mistakes.add(number, str(error))
    if mistakes and (keys := _keys_of_all(text)):
        raise DataError(
            f"{source}: the file is one object over several lines, with the keys {', '.join(map(repr, keys))}; "
            "write an array of objects, one a row, or an object a line"
        )
    mistakes.raise_if_any()
    return found


def _keys_of_all(text: str) -> Sequence[str]:
    """The keys of the one object that a text of several lines is; none where it is something else."""
    try:
        found = _loaded(text)
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, _Row) else []


def _array(text: str, source: str) -> list[_Row] | None:
    """The objects of an array; None where more stands behind it, as where each line is one."""
    mistakes = Mistakes(source)
    items: list[object] = []
    try:
        items = cast(list[object], _loaded(text))  # what begins with a bracket
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None
        mistakes.add(error.lineno, f"not JSON: {error.msg} at character {error.colno}")
    except RecursionError:
        mistakes.add(1, "no row: the JSON is nested too deeply")
    except ValueError as error:
        raise DataError(f"{source}: in the array {error}") from error
    mistakes.raise_if_any()
    rows: list[_Row] = []
    wrong = Mistakes(source, "row")
    for number, item in enumerate(items, 1):
        if isinstance(item, _Row):
            rows.append(item)
        else:
            wrong.add(number, _NO_OBJECT)
    wrong.raise_if_any()
    return rows


def _holds_columns(row: Mapping[str, object]) -> bool:
    """Whether every key has an object of numbered values."""
    return bool(row) and all(
        isinstance(value, _Row) and value and all(map(str.isdecimal, value)) for value in row.values()
    )


def _parse_row(line: str) -> _Row:
    try:
        row = _loaded(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.colno}") from error
    except RecursionError as error:
        raise ValueError("no row: the JSON is nested too deeply") from error
    if not isinstance(row, _Row):
        raise ValueError(_NO_OBJECT)
    return row


def _loaded(text: str) -> object:
    """JSON whose numbers keep their digits; a ValueError that is no JSONDecodeError names a key that occurs twice."""
    return json.loads(
        text, parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=_without_repeats
    )


def _constant(name: str) -> str | None:
    """Python writes a missing number as NaN; an infinite one is none that is missing."""
    return None if name == "NaN" else name


def _without_repeats(pairs: list[tuple[str, object]]) -> _Row:
    row = _Row(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return row


def _add_columns(
    objects: Mapping[int, Mapping[str, object]], rows: Sequence[int], result: TextColumns, outer: tuple[str, ...] = ()
) -> None:
    """Add a column for each key of these objects.

    Args:
        objects: by their rows.
        rows: those that need each key; of the others the object is null, and so is each of its keys.
        result: gets the columns.
        outer: the keys that lead to the objects.
    """
    # Collected in one go: where each row has keys of its own, there are as many columns as rows.
    found: dict[str, dict[int, object]] = {}
    for row, each in objects.items():
        for name, value in each.items():
            found.setdefault(name, {})[row] = value
    for name, values in found.items():
        _add_column((*outer, name), values, rows, result)


def _add_column(path: tuple[str, ...], values: Mapping[int, object], rows: Sequence[int], result: TextColumns) -> None:
    """Add these values, by their rows, as texts, as lists of texts, or as the columns of inner objects."""
    if inner := {row: value for row, value in values.items() if isinstance(value, _Row)}:
        nulls = {row for row, value in values.items() if value is None}
        _add_columns(inner, [row for row in rows if row not in nulls] if nulls else rows, result, path)
    holds_lists = isinstance(next((value for value in values.values() if value is not None), None), list)
    texts, lists = dict[int, str](), dict[int, list[str]]()
    for row in rows:
        try:
            if holds_lists:
                lists[row] = _texts(values, row, path[-1])
            else:
                texts[row] = _text(values, row, path[-1])
        except ValueError as error:
            result.put(path, result.faults, f"{result.unit} {result.lines[row]}: {error}")
            return
    if holds_lists:
        result.put(path, result.lists, [lists.get(row, []) for row in range(len(result.lines))])
    else:
        result.put(path, result.columns, [texts.get(row, "") for row in range(len(result.lines))])


def _texts(values: Mapping[int, object], row: int, name: str) -> list[str]:
    value = _value(values, row, name)
    if not isinstance(value, list | None):
        raise ValueError(f"{name!r} holds no list here, but does in the first row")
    return [_scalar(item, name) for item in value or ()]


def _text(values: Mapping[int, object], row: int, name: str) -> str:
    return _scalar(_value(values, row, name), name)


def _value(values: Mapping[int, object], row: int, name: str) -> object:
    if row not in values:
        raise ValueError(f"the key {name!r} is missing")
    return values[row]


def _scalar(value: object, name: str) -> str:
    if isinstance(value, (list, dict)):
        raise ValueError(f"{name!r} holds {'a list' if isinstance(value, list) else 'an object'}, not a text")
    if not isinstance(value, str):
        return "" if value is None else str(value).lower()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name!r} holds an unpaired surrogate, which is not a character")
    return value
