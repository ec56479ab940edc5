"""Training and validation rows out of one table."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

from ...spaces.errors import DataError
from .cleaning import Finding
from .cleaning import rows as in_words

RARE = (
    "give such rows the label of others, or one in common (such as 'other'), or none: rows without a label are dropped"
)
"""What to do about classes of one row."""
_FEW = 5
"""Rows that a split may be off without a word: rounding, and a rare class or two."""


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
            f"each class needs a row for training and one for validation: {RARE}"
        )


def _move_if_missing(name: str, labels: Sequence[str], source: list[int], target: list[int]) -> None:
    if all(labels[row] != name for row in target):
        row = next(row for row in source if labels[row] == name)
        source.remove(row)
        target.append(row)


def rows_off(fraction: float, held: int, count: int) -> float:
    """By how many rows `held` of `count` miss the share asked for; 0 where it is not worth a word."""
    off = abs(held - fraction * count)
    return off if off > max(fraction * count / 4, _FEW) else 0


def another_share(fraction: float, held: int, count: int, why: str) -> list[Finding]:
    """A finding where `held` of `count` rows are noticeably more or fewer than the share asked for, and why."""
    if not rows_off(fraction, held, count):
        return []
    what = f"data.validation: {fraction:g} of the rows was asked for, but {why}, so {held / count:.2g} is held out"
    return [Finding(what, held, (), "noted")]


def random_split(rows: int, fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Split rows at random, for tasks without classes: row numbers for training and for validation, ascending.

    Raises:
        DataError: fewer than two rows.
    """
    if rows < 2:
        raise DataError(f"there {'is one row' if rows else 'are no rows'}; a split needs two")
    size = min(max(round(fraction * rows), 1), rows - 1)
    training, validation = next(ShuffleSplit(1, test_size=size, random_state=seed).split(np.zeros(rows)))
    return sorted(training.tolist()), sorted(validation.tolist())


def folds(rows: int, labels: Sequence[str] | None, count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Split rows into `count` folds of (nearly) one size, each held out once.

    Args:
        rows: how many.
        labels: the class of each row, (rows), which every fold gets in the same shares; None: at random.
        count: how many folds.
        seed: the same seed gives the same folds.

    Returns:
        For each fold the row numbers of training and of validation, ascending.

    Raises:
        DataError: a class with fewer rows than folds (in training it would miss), or fewer rows than folds.
    """
    rarest = min(Counter(labels).items(), key=lambda item: item[1]) if labels else (None, rows)
    if rarest[1] < count:
        what = f"class {rarest[0]!r} has {in_words(rarest[1])}" if labels else f"there are {in_words(rows)}"
        raise DataError(f"{what}, fewer than the {count} folds")
    places = np.zeros(rows)
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed) if labels else None
    splits = (
        splitter.split(places, np.asarray(labels, dtype=object))
        if splitter
        else KFold(count, shuffle=True, random_state=seed).split(places)
    )
    return [(training.tolist(), validation.tolist()) for training, validation in splits]
