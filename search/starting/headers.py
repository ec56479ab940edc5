"""Whether the first line of a file names its columns, or is a row like all others."""

import math
from collections.abc import Collection

from ...objectives.data.sources import Source
from ...objectives.data.table import Table
from ...objectives.tasks.regression import number_of

_OFTEN = 0.05
"""Share of the rows that hold the column's own name from which on it is rather a value: a label, not a coincidence."""


def without_names(source: Source, table: Table, read: Collection[str] | None = None) -> str:
    """That the header of a CSV or TSV file looks like data, and why; the empty string where it looks like names.

    Of columns that are not `read` (None: all are) it does not matter how they are called.
    """
    of_use = {name: values for name, values in table.columns.items() if read is None or name in read}
    why = next(filter(None, (_why(name, values) for name, values in of_use.items())), "")
    # A table without names of its own has the numbers of its columns, which pandas writes.
    if not why or not source.has_header or table.names == [str(place) for place in range(len(table.names))]:
        return ""
    return (
        f"the first line of {source.text} looks like data, not like names of columns ({why}): "
        "add a line with names, such as text,label"
    )


def _why(name: str, values: list[str]) -> str:
    if math.isfinite(number_of(name)):
        return f"{name!r} is a number"
    return f"{name!r} is a value of its column too" if values.count(name) >= _OFTEN * len(values) else ""
