"""Numbers in notations that no task reads: with commas, or with something beside them."""

import re
from collections.abc import Sequence

_DIGITS = r"(?:\d{1,3}(?:[., ']\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)"
"""1234.5, 1234,5, 1,234.50 or 1 234,50; but not 1,2,3, which are three."""
_NUMBER = re.compile(rf"[-+]?{_DIGITS}")
_DECIMAL = re.compile(r"[-+]?\d+(?:,(?P<decimals>\d+))?")
_MOSTLY = 0.9
_CURRENCY = r"[$€£¥₹]|USD|EUR|GBP|CHF|JPY|CNY|INR"
_MEASURED = re.compile(
    rf"[-+]?(?P<before>{_CURRENCY})?\s*[-+]?{_DIGITS}\s*(?P<after>{_CURRENCY}|[%‰]|[a-zA-Zµ°²³/]{{1,8}})?"
)
_MOST_UNITS = 5
"""Different ones in a column; codes have more letters than that behind their digits."""


def other_notation(values: Sequence[str]) -> str:
    """How values that are all numbers to a reader are written, and how to write them; empty where they are none."""
    if _have_decimal_commas(values):
        return "numbers with a decimal comma; write 3.14 with a point"
    if all(_NUMBER.fullmatch(value.strip()) for value in values):
        return "numbers with commas; write 3.14 with a point, and 12345 without separators"
    units = set[tuple[str | None, str | None]]()
    for value in values:
        found = _MEASURED.fullmatch(value.strip())
        if found is None or len(units) > _MOST_UNITS:
            return ""
        units.add((found["before"], found["after"]))
    return "numbers with %, a currency or a unit; write them without"


def _have_decimal_commas(values: Sequence[str]) -> bool:
    """Not where all have three digits behind the comma (1,234), or one has several commas (1,2,3)."""
    found = [match for value in values if (match := _DECIMAL.fullmatch(value.strip()))]
    decimals = [match["decimals"] for match in found if match["decimals"]]
    return (
        len(found) >= _MOSTLY * len(values)
        and 2 * len(decimals) > len(found)
        and any(len(digits) != 3 for digits in decimals)
        and all(value.count(",") < 2 for value in values)
    )
