"""Columns whose repeating values may say which rows belong together: patients, authors, documents."""

from statistics import mean

from . import names
from .columns import CODES, Column, Form

_FEWEST = 5
"""Groups: of fewer none is a fifth of the rows."""
_MOSTLY = 0.9
_LONGEST = 40
"""Characters of an id or a name; what is longer is a text."""


def repeats(column: Column) -> str:
    """How often the values of a column of ids or names repeat (45 values in 231 rows); empty where they do not."""
    counts, rows = column.counts.values(), column.counts.total()
    again = sum(count for count in counts if count > 1)
    if not _FEWEST <= len(counts) <= rows / 2 or again < _MOSTLY * rows or not _names_something(column):
        return ""
    return f"{len(counts):,} values in {rows:,} rows"


def _names_something(column: Column) -> bool:
    if names.is_time(column.name):
        return False
    if column.form is Form.TEXT:
        return column.length <= _LONGEST
    if column.form is not Form.USELESS:
        return False
    lettered = mean(any(map(str.isalpha, value)) for value in column.counts)
    return names.is_id(column.name) or (column.told.startswith(CODES) and lettered >= _MOSTLY)
