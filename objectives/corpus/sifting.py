"""Filtering near-copies from the cleaned training rows (data/near.py defines them)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

from ..data.cleaning import NEAR_DUPLICATE, NEAR_LEAK, Finding, clean, normalised
from ..data.inputs import Inputs
from ..data.near import near_duplicates, neighbours
from ..data.table import Table
from ..settings import CleaningSettings
from ..tasks.task import Task


@dataclass(frozen=True)
class HeldOut:
    """Rows that training must not repeat: their texts, and their labels where training's can be compared with them.

    A near-copy with another label gives nothing away: it is a contrast ("a possible case", "an impossible case").
    """

    keys: Sequence[str] = ()
    labels: Sequence[str | None] = ()

    @classmethod
    def of(cls, inputs: Inputs, labels: Sequence[str] | None = None) -> Self:
        """Rows as a task reads them; a pair counts in both orders."""
        own = [None] * len(inputs) if labels is None else list(labels)
        return cls([*inputs.keys, *inputs.swapped.keys], own if inputs.second is None else own * 2)

    def __add__(self, more: "HeldOut") -> "HeldOut":
        return HeldOut([*self.keys, *more.keys], [*self.labels, *more.labels])

    @property
    def unlabelled(self) -> "HeldOut":
        """Their texts alone, for a task with other labels."""
        return HeldOut(self.keys, [None] * len(self.keys))

    def repeated_by(self, keys: Sequence[str], labels: Sequence[str] | None, threshold: float) -> Iterator[list[int]]:
        """For each row the held-out ones, by place, that it equals, or nearly equals without another label."""
        for row, found in enumerate(neighbours(keys, self.keys, threshold)):
            known = None if labels is None else labels[row]
            yield [
                other
                for other in found
                if known is None
                or self.labels[other] in (None, known)
                or normalised(keys[row]) == normalised(self.keys[other])
            ]


def sift(
    keys: Sequence[str],
    labels: Sequence[str] | None,
    held_out: HeldOut,
    rules: CleaningSettings,
    *,
    has_one_answer: bool,
) -> tuple[list[int], list[Finding]]:
    """Choose the rows to train on: those that `clean` keeps, without near-copies where the rules name a threshold.

    Args:
        keys: each training row as one text, (rows).
        labels: their answers, (rows), or None.
        held_out: validation and test rows.
        rules: the study file's `data: clean:`.
        has_one_answer: whether a text with two answers contradicts itself.

    Returns:
        The kept row numbers in order, and a finding for each reason. A row is counted once, under the first that
        holds: empty, leak, conflict, duplicate, near leak, near-duplicate.
    """
    kept, found = clean(
        keys,
        labels,
        held_out.keys,
        deduplicate=rules.deduplicate,
        drop_conflicting_labels=rules.drop_conflicting_labels and has_one_answer,
        drop_leaks=rules.drop_leaks,
    )
    if rules.drop_leaks and rules.near_leaks is not None:
        own = None if labels is None else [labels[row] for row in kept]
        found_near = held_out.repeated_by([keys[row] for row in kept], own, rules.near_leaks)
        near = list(map(bool, found_near))
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


def apart(
    keys: Sequence[str], labels: Sequence[str] | None, drawn: HeldOut, rules: CleaningSettings
) -> tuple[list[int], list[Finding]]:
    """The rows that still serve training once others of the same file were drawn for validation: no copies of these."""
    only_leaks = rules.model_copy(update={"deduplicate": False, "near_duplicates": None})
    return sift(keys, labels, drawn, only_leaks, has_one_answer=False)


def copies_of(
    own: Inputs,
    others: Inputs,
    rules: CleaningSettings,
    labels: Sequence[str] | None = None,
    their_labels: Sequence[str] | None = None,
) -> Mapping[int, set[int]]:
    """The rows that repeat others, each with those others' places; none where leaks may stay.

    With the labels of both a near-copy of another label repeats nothing.
    """
    if not rules.drop_leaks:
        return {}
    threshold = 1.0 if rules.near_leaks is None else rules.near_leaks
    found = HeldOut.of(others, their_labels).repeated_by(own.keys, labels, threshold)
    return {row: {place % len(others) for place in places} for row, places in enumerate(found) if places}


def labels_of(task: Task[Any], rows: Table) -> Sequence[str] | None:
    """Each row's label, if it has one of a set; None where answers are numbers or texts, seldom the same twice."""
    return None if task.label_sets(rows) is None else task.answers(rows)
