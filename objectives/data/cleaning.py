"""Cleaning of training rows: empty texts, conflicting labels and leaks of validation or test data are dropped.

Two texts are the same when they are equal after NFC, case folding and whitespace folding. Files are
never changed: cleaning yields row numbers. Near-copies are another file's business (near.py).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

EXAMPLES = 3  # per finding: enough to recognise what was dropped
_EXAMPLE_CHARACTERS = 80
_JOINER = "\N{ZERO WIDTH JOINER}"
EMPTY = "empty text"
LEAK = "text also in validation or test data"
NEAR_LEAK = "text nearly the same as one in validation or test data"
NEAR_DUPLICATE = "near-duplicate"


Action = Literal["dropped", "repaired", "noted"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found in the data, how often, and what was done about it."""

    what: str
    count: int
    examples: tuple[str, ...]
    """The first ones, shortened."""
    action: Action = "dropped"

    @classmethod
    def of(cls, what: str, cases: Sequence[str], action: Action = "dropped") -> Self:
        """A finding from all its cases."""
        return cls(what, len(cases), tuple(_shortened(case) for case in cases[:EXAMPLES]), action)

    def to_json(self) -> dict[str, object]:
        return {"what": self.what, "count": self.count, "examples": list(self.examples), "action": self.action}


def _shortened(text: str) -> str:
    """At most 80 characters, never with a combining mark or a joiner torn off the last one; no half surrogates."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= _EXAMPLE_CHARACTERS:
        return text
    end = _EXAMPLE_CHARACTERS
    while end and (unicodedata.combining(text[end]) or _JOINER in text[end - 1 : end + 1]):
        end -= 1
    return text[: end or _EXAMPLE_CHARACTERS]


def rows(count: int) -> str:
    """A number of rows in words: "1 row", "2 rows"."""
    return f"{count} row" if count == 1 else f"{count} rows"


def taken(findings: Iterable[Finding]) -> str:
    """What took rows, for the message where none is left: how many for each reason, and what a leak asks for."""
    dropped = [finding for finding in findings if finding.action == "dropped"]
    reasons = ", ".join(f"{rows(finding.count)} dropped ({finding.what})" for finding in dropped)
    if not {LEAK, NEAR_LEAK} & {finding.what for finding in dropped}:
        return reasons
    return (
        f"{reasons}; a copy of a held-out row is a leak, so data.validation and data.test must hold other rows than "
        "training"
    )


def normalised(text: str) -> str:
    """The form in which texts are compared."""
    folded = unicodedata.normalize("NFC", text).casefold()
    # Case folding can take characters apart again, so the composition comes once more.
    return " ".join(unicodedata.normalize("NFC", folded).split())


def clean(
    texts: Sequence[str],
    labels: Sequence[str] | None,
    held_out: Iterable[str],
    *,
    deduplicate: bool,
    drop_conflicting_labels: bool,
    drop_leaks: bool,
) -> tuple[list[int], list[Finding]]:
    """Choose the rows to train on.

    Args:
        texts: the training texts, (rows).
        labels: their labels, (rows), or None for a task that needs none.
        held_out: validation and test texts, which training must not see.

    Returns:
        The kept row numbers in order, and one finding for each reason that dropped any row. A row
        is counted once, under the first reason that holds: empty, leak, conflict, duplicate.
    """
    keys = [normalised(text) for text in texts]
    leaks = {normalised(text) for text in held_out} if drop_leaks else set[str]()
    conflicts = _conflicting(keys, labels) if drop_conflicting_labels and labels is not None else set[str]()
    seen: set[tuple[str, str | None]] = set()
    kept: list[int] = []
    dropped: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        identity = (key, labels[row] if labels is not None else None)
        if not key:
            dropped[EMPTY].append(row)
        elif key in leaks:
            dropped[LEAK].append(row)
        elif key in conflicts:
            dropped["text with conflicting labels"].append(row)
        elif deduplicate and identity in seen:
            dropped["duplicate"].append(row)
        else:
            kept.append(row)
            seen.add(identity)
    return kept, [Finding.of(what, [texts[row] for row in gone]) for what, gone in dropped.items()]


def _conflicting(keys: Sequence[str], labels: Sequence[str]) -> set[str]:
    labels_of: dict[str, set[str]] = defaultdict(set)
    for key, label in zip(keys, labels, strict=True):
        labels_of[key].add(label)
    return {key for key, found in labels_of.items() if len(found) > 1}
