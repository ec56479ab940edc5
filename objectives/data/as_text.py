"""The columns of a data set of Hugging Face's `datasets`, as text."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from datasets import ClassLabel, Dataset, LargeList, List, Value
from pyarrow import ArrowException

from ...spaces.errors import first_line
from .text_columns import TextColumns

_UNREADABLE = (ArrowException, ValueError, OverflowError)
"""What values raise that Python has no place for, such as a date beyond the year 9999."""
_Text = TypeVar("_Text", str, list[str])
_BYTES_TYPES = {"binary", "large_binary", "binary_view"}


def to_text(dataset: Dataset) -> TextColumns:
    """All columns of a data set as text, or why a column is none."""
    result = TextColumns(range(1, len(dataset) + 1), unit="row")
    features = dataset.features
    plain = _in_one_go(dataset, [name for name, feature in features.items() if _holds_text(feature) or _item(feature)])

    def values(name: str) -> list[Any]:
        return plain[name] if name in plain else _values(dataset, [name])[name]

    for name, feature in features.items():
        try:
            _add_column((name,), feature, partial(values, name), result)
        except _UNREADABLE as error:
            result.put((name,), result.faults, f"column {name!r} cannot be read as text ({reason(error)})")
    return result


def _in_one_go(dataset: Dataset, names: Sequence[str]) -> dict[str, list[Any]]:
    """Some columns, as each look at some of them copies what is known of all; none where Python cannot hold a value."""
    try:
        return _values(dataset, names)
    except _UNREADABLE:
        return {}


def _add_column(path: tuple[str, ...], feature: object, values: Callable[[], list[Any]], result: TextColumns) -> None:
    """Add a column as texts, as lists of texts, or, of an object, as one column a key by its dotted name."""
    if _holds_text(feature):
        result.put(path, result.columns, _by_row(partial(_as_text, feature), values()))
    elif item := _item(feature):
        result.put(path, result.lists, _by_row(lambda value: [_as_text(item, one) for one in value or ()], values()))
    else:
        result.put(path, result.faults, f"column {'.'.join(path)!r} holds {_what(feature)}, not text")
        for key, inner in feature.items() if isinstance(feature, dict) else ():
            _add_column((*path, key), inner, lambda key=key: [(value or {}).get(key) for value in values()], result)


def _by_row(read: Callable[[Any], _Text], values: Sequence[Any]) -> list[_Text]:
    """What `read` makes of each value; ValueError: one is none that it reads, with its row."""
    found: list[_Text] = []
    for row, value in enumerate(values, 1):
        try:
            found.append(read(value))
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from None
    return found


def _holds_text(feature: object) -> bool:
    return isinstance(feature, ClassLabel) or (isinstance(feature, Value) and feature.dtype not in _BYTES_TYPES)


def _item(feature: object) -> object | None:
    """What a list column holds, if that is text."""
    return feature.feature if isinstance(feature, (List, LargeList)) and _holds_text(feature.feature) else None


def _as_text(feature: object, value: object) -> str:
    return _label(feature, value) if isinstance(feature, ClassLabel) else _text(value)


def _values(dataset: Dataset, names: Sequence[str]) -> dict[str, list[Any]]:
    """Some columns alone, so that images beside them are not decoded."""
    return dataset.select_columns(list(names))[:] if names else {}


def _label(feature: ClassLabel, index: object) -> str:
    # -1 is how the Hub marks a row without a label, as its hidden test splits have them.
    if not isinstance(index, int) or index < 0:
        return ""
    if index >= len(feature.names):
        raise ValueError(f"{index} is the number of none of its labels {', '.join(map(repr, feature.names))}")
    return feature.names[index]


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _what(feature: object) -> str:
    if isinstance(feature, Value):
        return "bytes"
    return "objects" if isinstance(feature, dict) else f"values of the type {type(feature).__name__}"


def reason(error: Exception) -> str:
    """The first line of what went wrong; `datasets` wraps the reader's own error in a general one."""
    return first_line(error.__cause__ or error)
