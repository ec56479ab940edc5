"""Splits that keep the rows of a group together: the sentences of a document, the visits of a patient."""

import warnings
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from ...spaces.errors import DataError
from .splits import rows_off

_PARTS = 20
"""Parts of which a share takes some: finer ones have too few groups each to have the classes in equal shares."""


def group_numbers(cells: Sequence[str]) -> list[int]:
    """The group of each row as a number: equal cells are one group, an empty cell is one of its own."""
    known: dict[object, int] = {}
    return [known.setdefault(cell.strip() or (row,), len(known)) for row, cell in enumerate(cells)]


def grouped_split(
    groups: Sequence[int], labels: Sequence[str] | None, fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Split rows at random by groups, so that both sides have the classes in near shares.

    Args:
        groups: the group of each row, (rows); two at least.
        labels: the class of each row, (rows); None: only the sizes count.
        fraction: share of the rows for validation, in (0, 1).
        seed: the same seed gives the same split.

    Returns:
        Row numbers for training and for validation, each in ascending order.

    Raises:
        DataError: no class has two rows.
    """
    parts, taken = _parts(fraction, min(len(set(groups)), _most_parts(labels, len(groups))))
    held = [part for _, part in grouped_folds(groups, labels, parts, seed)]
    order = np.random.default_rng(seed).permutation(parts)
    choices = [[held[place] for place in np.roll(order, turn)[:taken]] for turn in range(parts)]
    rows = [sum(choice, list[int]()) for choice in choices]
    usable = [each for each in rows if 0 < len(each) < len(groups)]  # rare classes leave parts empty
    if not usable:
        raise DataError("the groups are too few, or too unequal, to be split")

    def doubt(each: Sequence[int]) -> tuple[int, int, float]:
        # Any turn near to the share will do: the first is at random, and is that of studies that are there.
        return (*_missing(each, labels), rows_off(fraction, len(each), len(groups)))

    validation = sorted(min(usable, key=doubt))
    return _outside(validation, len(groups)), validation


def _parts(fraction: float, most: int) -> tuple[int, int]:
    """Into how many parts to cut, and how many of these are nearest to the share that is asked for."""
    rest = min(fraction, 1 - fraction)
    share = Fraction(fraction).limit_denominator(max(min(most, _PARTS), 2))
    if rest >= 1 / _PARTS and 0 < share < 1:
        return share.denominator, share.numerator
    parts = min(round(1 / rest), max(most, 2))
    return parts, 1 if fraction < 0.5 else parts - 1


def _missing(validation: Sequence[int], labels: Sequence[str] | None) -> tuple[int, int]:
    """How many classes training would lack, and how many validation."""
    if labels is None:
        return 0, 0
    counts, held = Counter(labels), Counter(labels[row] for row in validation)
    return sum(held[name] == count for name, count in counts.items()), len(counts) - len(held)


def grouped_folds(
    groups: Sequence[int], labels: Sequence[str] | None, count: int, seed: int
) -> list[tuple[list[int], list[int]]]:
    """Cut rows into `count` folds by groups, with near sizes and classes in near shares, each held out once.

    Args:
        groups: the group of each row, (rows).
        labels: the class of each row, (rows); None: only the sizes count.
        count: how many folds.
        seed: the same seed gives the same folds.

    Returns:
        For each fold the row numbers of training and of validation, ascending.

    Raises:
        DataError: fewer groups than folds, or all classes have fewer rows than folds.
    """
    if (found := len(set(groups))) < count:
        raise DataError(f"there are {found} groups, fewer than the {count} folds")
    if _most_parts(labels, len(groups)) < count:
        raise DataError(f"each class has fewer rows than the {count} folds")
    classes = np.zeros(len(groups)) if labels is None else np.unique(np.asarray(labels), return_inverse=True)[1]
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # a class of fewer rows than folds cannot be in all of them, which is no surprise
        warnings.simplefilter("ignore", UserWarning)
        splits = [held.tolist() for _, held in splitter.split(np.zeros(len(groups)), classes, np.asarray(groups))]
    return [(_outside(held, len(groups)), held) for held in splits]


def _most_parts(labels: Sequence[str] | None, rows: int) -> int:
    """Into how many parts scikit-learn can cut: the rows of the most frequent class."""
    return rows if labels is None else max(Counter(labels).values(), default=0)


def _outside(held: Sequence[int], count: int) -> list[int]:
    gone = frozenset(held)
    return [row for row in range(count) if row not in gone]
