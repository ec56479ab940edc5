"""Filtering near-copies from the cleaned training rows (near.py defines them)."""

from collections.abc import Mapping, Sequence
from itertools import compress

from ..settings import CleaningSettings
from .cleaning import NEAR_DUPLICATE, NEAR_LEAK, Finding, clean
from .near import near_copies, near_duplicates, neighbours


def sift(
    keys: Sequence[str],
    labels: Sequence[str] | None,
    held_out: Sequence[str],
    rules: CleaningSettings,
    *,
    has_one_answer: bool,
) -> tuple[list[int], list[Finding]]:
    """Choose the rows to train on: those that `clean` keeps, without near-copies where the rules name a threshold.

    Args:
        keys: each training row as one text, (rows).
        labels: their answers, (rows), or None.
        held_out: validation and test rows as texts.
        rules: the study file's `data: clean:`.
        has_one_answer: whether a text with two answers contradicts itself.

    Returns:
        The kept row numbers in order, and a finding for each reason. A row is counted once, under the first that
        holds: empty, leak, conflict, duplicate, near leak, near-duplicate.
    """
    kept, found = clean(
        keys,
        labels,
        held_out,
        deduplicate=rules.deduplicate,
        drop_conflicting_labels=rules.drop_conflicting_labels and has_one_answer,
        drop_leaks=rules.drop_leaks,
    )
    if rules.drop_leaks and rules.near_leaks is not None:
        near = near_copies([keys[row] for row in kept], held_out, rules.near_leaks)
        kept, gone = _without(kept, near, keys, NEAR_LEAK)
        found += gone
    if rules.near_duplicates is not None:
        own = None if labels is None else [labels[row] for row in kept]
        near = near_duplicates([keys[row] for row in kept], own, rules.near_duplicates)
        kept, gone = _without(kept, near, keys, NEAR_DUPLICATE)
        found += gone
    return kept, found


def _without(
    kept: Sequence[int], dropped: Sequence[bool], keys: Sequence[str], what: str
) -> tuple[list[int], list[Finding]]:
    gone = [keys[row] for row in compress(kept, dropped)]
    return [row for row, near in zip(kept, dropped, strict=True) if not near], [Finding.of(what, gone)] if gone else []


def apart(keys: Sequence[str], drawn: Sequence[str], rules: CleaningSettings) -> tuple[list[int], list[Finding]]:
    """The rows that still serve training once others of the same file were drawn for validation: no copies of these."""
    only_leaks = rules.model_copy(update={"deduplicate": False, "near_duplicates": None})
    return sift(keys, None, drawn, only_leaks, has_one_answer=False)


def copies_of(keys: Sequence[str], others: Sequence[str], rules: CleaningSettings) -> Mapping[int, set[int]]:
    """The rows that others copy or nearly copy, each with those others' places; none where leaks may stay."""
    if not rules.drop_leaks:
        return {}
    threshold = 1.0 if rules.near_leaks is None else rules.near_leaks
    return {row: set(found) for row, found in enumerate(neighbours(keys, others, threshold)) if found}
