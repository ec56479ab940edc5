"""A study file's values as messages show them: short, on one line, without passwords."""

from collections.abc import Iterable, Mapping
from itertools import islice

from ..passwords import masked, without_passwords
from ..safe_text import escaped

_LONGEST = 60
_MOST = 6
"""Entries of a list or group that are shown; more would hide the point."""


def shown(value: object, depth: int = 2) -> str:
    """A value in YAML's words; what stands deeper than `depth` is left out."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return repr(_cut(_masked(value)))
    if isinstance(value, Mapping):
        return (
            f"{{{_listed((f'{key_shown(key)}: {shown(value[key], depth - 1)}' for key in value), len(value), depth)}}}"
        )
    if isinstance(value, list | tuple):
        return f"[{_listed((shown(item, depth - 1) for item in value), len(value), depth)}]"
    return _cut(str(value))


def key_shown(key: object) -> str:
    """A key, without quotes unless blanks at its ends would not be seen."""
    text = escaped(_cut(_masked(str(key))))
    return text if text == text.strip() else repr(text)


def _masked(text: str) -> str:
    """A text without passwords. `owner/name:config@split` has none, though it looks a little like a URL."""
    return masked(text) if "://" in text else without_passwords(text)


def _listed(parts: Iterable[str], count: int, depth: int) -> str:
    if depth == 0 and count:
        return "…"
    return ", ".join([*islice(parts, _MOST), *(["…"] if count > _MOST else [])])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
