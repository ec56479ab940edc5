"""A learning curve in one line of block characters."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], low: float, high: float, cells: int) -> str:
    """The last `cells` finite values as blocks of eighths between `low` and `high`.

    The caller gives the range so that the curves of several trials can be compared; a range without
    extent draws the middle.
    """
    finite = [value for value in values if math.isfinite(value)][-cells:]
    extent = high - low
    return "".join(_BLOCKS[_level((value - low) / extent if extent > 0 else 0.5)] for value in finite)


def _level(fraction: float) -> int:
    return min(len(_BLOCKS) - 1, max(0, int(fraction * len(_BLOCKS))))
