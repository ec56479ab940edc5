"""The labels of each row of a multi-label task, in the forms in which data have them."""

from collections.abc import Mapping, Sequence

from ..data.table import Table

TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", ""), False),
}
"""What a cell of a label's own column may say, in lower case; an empty one says no."""
_DIGITS = frozenset({"0", "1", "0.0", "1.0", "true", "false"})


def from_columns(table: Table, columns: Sequence[str], task: str) -> list[set[str]]:
    """The labels of each row where every label has a column of its own, which says whether a row has it.

    Raises:
        DataError: there is no such column, or a cell says something else.
    """
    cells = {name: [value.strip().lower() for value in table.column(name)] for name in columns}
    table.refuse(
        (row, f"task {task!r}: {name} {table.column(name)[row]!r} is neither 0 nor 1")
        for name, values in cells.items()
        for row, value in enumerate(values)
        if value not in TRUTHS
    )
    return [{name for name in columns if TRUTHS[cells[name][row]]} for row in range(len(table))]


def places(items: Sequence[Sequence[str]]) -> int:
    """How many labels have a place of their own in lists such as [1, 0, 1]; 0: these are lists of labels.

    Transformers' own loss takes them in this form. As labels they would say that every row has both "0" and "1".
    """
    count = len(items[0]) if items else 0
    return (
        count
        if count > 1 and all(len(row) == count and _DIGITS.issuperset(map(str.lower, row)) for row in items)
        else 0
    )


def from_places(table: Table, items: Sequence[Sequence[str]], count: int, task: str) -> list[set[str]]:
    """The labels, "0" to count - 1, of lists that have a place for each.

    Raises:
        DataError: a list is longer or shorter, or holds something else than zeros and ones.
    """
    table.refuse(
        (row, f"task {task!r}: {list(values)} is not a list of {count} zeros and ones, one per label")
        for row, values in enumerate(items)
        if len(values) != count or not _DIGITS.issuperset(map(str.lower, values))
    )
    return [{str(place) for place, value in enumerate(values) if TRUTHS[value.lower()]} for values in items]
