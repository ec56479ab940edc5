"""Recognising exports of labelling tools that no task reads, to say what they must become."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ...objectives.data.decoding import content_of, decode, read_bytes
from ...objectives.data.sources import Kind, Source
from ...spaces.errors import DataError

_MOSTLY = 0.9
_ENOUGH = 100
"""Rows that are looked at: some have no span."""
_SPANS = "write them as CoNLL, or as the columns `tokens` and `tags` (token_classification)"
_SQUAD = "SQuAD, nested: write a row for each question, with `question, context, answer, start`"
_TOKENS = "tokens"
"""Where Prodigy says of each word where it stands; the entities have another name."""
_STARTS, _ENDS = {"start", "start_offset", "begin"}, {"end", "end_offset"}


def cells_told(values: Sequence[str]) -> tuple[str, bool]:
    """What cells of JSON are, empty where there are none; and whether nearly all are."""
    found = [_loaded(value) for value in values if value.lstrip().startswith(("{", "[{", "[["))]
    found = [value for value in found if value]
    if not found:
        return "", False
    if any(map(_are_spans, found)):
        told = f"lists of spans; {_SPANS}"
    else:
        share = f"{len(found):,} of {len(values):,}"
        told = f"{share} cells are JSON, as tools export several labels of a row; flatten them (a|b, kind: multi_label)"
    return told, len(found) >= _MOSTLY * len(values)


def export_told(source: Source) -> str:
    """What a JSON file is, if it is an export of spans or nested questions; the empty string where it is not."""
    if source.kind is not Kind.JSONL:
        return ""
    try:
        text = decode(content_of(read_bytes(source.place, source.text), source.place, source.text), source.text)
    except DataError:
        return ""
    rows = [*_rows(text)]
    if any(_is_squad(row) for row in rows):
        return f"{source.text} is {_SQUAD}"
    if any(isinstance(row.get("data"), dict) and _holds(row.get("annotations"), "result") for row in rows):
        return f"{source.text} is an export of Label Studio; export choices as CSV; of spans, {_SPANS}"
    names = {name: None for row in rows for name, value in row.items() if _are_spans(value)}
    name = min(names, key=lambda name: name == _TOKENS, default="")
    return f"{source.text}: {name!r} holds lists of spans; {_SPANS}" if name else ""


def _rows(text: str) -> Iterator[Mapping[str, Any]]:
    """The first objects of a file: of an array, the only one, or one a line."""
    whole = _loaded(text)
    found = whole if isinstance(whole, list) else [whole] if whole else map(_loaded, text.split("\n", _ENOUGH))
    return (cast(Mapping[str, Any], row) for row, _ in zip(found, range(_ENOUGH), strict=False) if type(row) is dict)


def _loaded(text: str) -> Any:  # noqa: ANN401
    """What JSON says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_squad(row: Mapping[str, Any]) -> bool:
    return _holds(row.get("data"), "paragraphs") or _holds(row.get("paragraphs"), "qas") or _holds(row.get("qas"), "id")


def _holds(value: object, key: str) -> bool:
    """Whether it is a list of objects with this key."""
    return isinstance(value, list) and any(isinstance(item, dict) and key in item for item in value)


def _are_spans(value: object) -> bool:
    """Whether a list has where something begins and ends: [0, 5, "ORG"], or {"start": 0, "end": 5}."""
    return isinstance(value, list) and any(map(_is_span, value))


def _is_span(item: Any) -> bool:  # noqa: ANN401
    if isinstance(item, dict):
        return bool(_STARTS & item.keys() and _ENDS & item.keys())
    return isinstance(item, list) and [type(part) for part in item] == [int, int, str]
