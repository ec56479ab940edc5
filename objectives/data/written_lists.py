"""Lists that were written as text: what pandas makes of a column of lists in a CSV."""

import ast
import json
import re
import warnings
from collections.abc import Sequence
from typing import Any

_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+.\deE]+)"""
_PYTHON = re.compile(rf"\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*,?\s*)?\]", re.DOTALL)
"""Texts and numbers between commas. Python itself would join 'a' 'b', which is how numpy prints two texts."""


def written_lists(values: Sequence[str]) -> list[list[str]] | None:
    """The lists of a column in which every value is one, or empty; None where some is not, or none is a list.

    A list is one of texts and numbers, as JSON (`["a", 1]`) or Python (`['a', 1]`) writes it; numbers become texts.
    """
    if not next((value for value in values if value.strip()), "").lstrip().startswith("["):
        return None
    found: list[list[str]] = []
    for value in values:
        items = list_of(value) if value.strip() else []
        if items is None:
            return None
        found.append(items)
    return found


def list_of(value: str) -> list[str] | None:
    """The texts of a list that is written in JSON or Python; None where it is none, or holds something else."""
    value = value.strip()
    if not (value.startswith("[") and value.endswith("]")):
        return None
    items = _json(value)
    if items is None and _PYTHON.fullmatch(value):
        items = _python(value)
    if items is None or not all(isinstance(item, str | int | float) and _is_text(str(item)) for item in items):
        return None
    return [str(item) for item in items]


def _json(value: str) -> list[Any] | None:
    """The items, numbers as they are written; of true, false, null and NaN none is a text or a number."""
    try:
        found: list[Any] = json.loads(value, parse_int=str, parse_float=str, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return [None if isinstance(item, bool) else item for item in found]


def _python(value: str) -> list[Any] | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # of a backslash that escapes nothing
            return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return None


def _is_text(item: str) -> bool:
    """Whether there is no unpaired surrogate, which is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in item)
