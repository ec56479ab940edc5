"""What kinds with a label set share: its checks and messages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ...spaces.errors import DataError
from ..data.splits import RARE
from ..data.table import Table

GAPS = frozenset({"nan", "n/a", "#n/a", "null"})
"""What pandas, Excel and databases write for a gap, in lower case; it may be a label all the same."""
MISSING = GAPS | {"", "na", "none", "?", "-"}
"""What stands for a number that is missing."""
_NAMED = 5
"""Labels that a message names; of more it gives the number."""


def named(labels: Iterable[str], most: int = _NAMED) -> str:
    """Labels for a message: 'a', 'b' and 3 more."""
    found = list(labels)
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(repr, found[:most])) + rest


def check_classes(counts: Counter[str], table: Table, task: str, column: str) -> None:
    """Check that there is something to tell apart.

    Raises:
        DataError: fewer than two classes, or a class with one row.
    """
    if len(counts) < 2:
        raise DataError(
            f"{table.source}: task {task!r}: column {column!r} has one class only ({named(counts) or 'no rows'}); "
            "a classification needs two or more"
        )
    if single := sorted(label for label, count in counts.items() if count == 1):
        which = "class" if len(single) == 1 else f"{len(single)} classes of {len(counts)}"
        raise DataError(
            f"{table.source}: task {task!r}: column {column!r}: {which} with one row only: "
            f"{_with_places(single, table, column)}; each class needs two or more: {RARE}"
        )


def _with_places(labels: Sequence[str], table: Table, column: str) -> str:
    """Labels, the first of them with the place of their row: 'a' (line 3), 'b' (line 9) and 3 more."""
    cells = table.column(column)
    shown = [f"{label!r} ({table.unit} {table.lines[cells.index(label)]})" for label in labels[:_NAMED]]
    rest = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(shown) + rest


def check_known(rows: Iterable[Iterable[str]], labels: Sequence[str], table: Table, task: str) -> None:
    """Check that training has the labels of all rows.

    Raises:
        DataError: it has not; every such label is told, with its first row and how many it has.
    """
    known, all_known = frozenset(labels), named(labels, 10)
    places: dict[str, list[int]] = {}
    for row, found in enumerate(rows):
        for label in sorted(set(found) - known):
            places.setdefault(label, []).append(row)
    table.refuse(
        (found[0], f"task {task!r}: label {label!r} is not among the training labels ({all_known}); {_unknown(found)}")
        for label, found in places.items()
    )


def _unknown(rows: Sequence[int]) -> str:
    """What to do with rows of a label that training has not."""
    if len(rows) == 1:
        return "remove this row, or add rows with the label to the training data"
    return f"it is in {len(rows):,} rows, first here: remove these, or add rows with it to the training data"


def label_names(labels: Sequence[str]) -> Mapping[str, object]:
    """The labels as transformers' configs hold them."""
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: place for place, label in enumerate(labels)},
    }
