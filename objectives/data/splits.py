"""Training and validation rows out of one table."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from ...spaces.errors import DataError


def stratified_split(labels: Sequence[str], fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Split rows at random so that both sides have the classes in the same shares.

    A class too rare for its share still gets one row on each side, so the validation side may be
    a few rows larger than `fraction` of all.

    Args:
        labels: the class of each row, (rows).
        fraction: share of the rows for validation, in (0, 1).
        seed: the same seed gives the same split.

    Returns:
        Row numbers for training and for validation, each in ascending order.

    Raises:
        DataError: there is one class only, or a class with one row.
    """
    counts = Counter(labels)
    _check_classes(counts)
    size = min(max(round(fraction * len(labels)), len(counts)), len(labels) - len(counts))
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed)
    rows = next(iter(splitter.split(np.zeros(len(labels)), np.asarray(labels, dtype=object))))
    training, validation = rows[0].tolist(), rows[1].tolist()
    for name in sorted(counts):
        _move_if_missing(name, labels, training, validation)
        _move_if_missing(name, labels, validation, training)
    return sorted(training), sorted(validation)


def _check_classes(counts: Counter[str]) -> None:
    if len(counts) < 2:
        name = f"one class only ({next(iter(counts))!r})" if counts else "no row"
        raise DataError(f"there is {name}; a classification needs at least two classes")
    single = sorted(name for name, count in counts.items() if count == 1)
    if single:
        names = ", ".join(map(repr, single))
        raise DataError(
            f"{'a class' if len(single) == 1 else f'{len(single)} classes'} with one row: {names}; "
            "each class needs a row for training and one for validation"
        )


def _move_if_missing(name: str, labels: Sequence[str], source: list[int], target: list[int]) -> None:
    if all(labels[row] != name for row in target):
        row = next(row for row in source if labels[row] == name)
        source.remove(row)
        target.append(row)
