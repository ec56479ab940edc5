"""What makes the figures of a study say less than they seem to; noted when it is created."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from .corpus.corpus import Corpus
from .data.cleaning import Finding
from .data.table import Table
from .tasks.classification import Classification
from .tasks.labels import GAPS, MISSING
from .tasks.regression import Regression, number_of

_ONE_SIDED = 0.9
"""The share of one label from which on accuracy says little; a constant answer has it as its accuracy."""
_FEW_HELD_OUT = 5
_FEW, _MOST = 0.02, 0.9
"""Outliers: at most this share of the rows has at least that share of the variance."""
_RARE = 0.25
"""Of the rows that a label has on average: from there on a mark or -1 is rather a class, as of a sentiment."""
_MARKS = {"-", "?"}
"""What annotators write for "not agreed" or "not known", such as SNLI's `-`."""


def doubts(corpus: Corpus, objectives: Sequence[str]) -> list[Finding]:
    """What the labels of the training rows make doubtful."""
    found: list[Finding] = []
    for place, task in enumerate(corpus.tasks):
        table = corpus.train[task.name]
        if isinstance(task, Classification):
            if not place:
                found += one_sided(task, table, objectives)
                found += [] if corpus.folds else rarely_held_out(task, corpus.validation)
            found += gaps(task, table)
        if isinstance(task, Regression):
            found += outliers(task, table)
    return found


def one_sided(main: Classification, train: Table, objectives: Sequence[str]) -> list[Finding]:
    """A finding where nearly all training rows have one label and the first objective is accuracy."""
    if objectives[0] != f"{main.name}.accuracy" or not len(train):
        return []
    label, count = Counter(main.answers(train)).most_common(1)[0]
    if count < _ONE_SIDED * len(train):
        return []
    what = (
        f"{label!r} is the label of {count / len(train):.1%} of the rows, which is the accuracy of a constant answer; "
        f"the objective {main.name}.balanced_accuracy or {main.name}.f1 tells more"
    )
    return [Finding(what, count, (), "noted")]


def rarely_held_out(main: Classification, validation: Table) -> list[Finding]:
    """A finding where validation has so few rows of a label that its part of a score is coarse."""
    found = Counter(main.answers(validation))
    counts = {label: found[label] for label in main.labels}
    cases = [f"{label!r}: {count}" for label, count in counts.items() if count < _FEW_HELD_OUT]
    if not cases or len(validation) < _FEW_HELD_OUT * len(counts):
        return []  # with few rows of every label it is plain to see
    what = (
        f"{validation.source}: label with fewer than {_FEW_HELD_OUT} validation rows: by one row its recall moves 25 "
        "points or more; data.validation: {folds: 5} measures on all rows"
    )
    return [Finding.of(what, cases, "noted")]


def gaps(task: Classification, train: Table) -> list[Finding]:
    """A finding where a label is what a gap in a table becomes when it is written as text."""
    labels = task.answers(train)
    gap_labels = {*_gaps_among(Counter(labels))}
    cases = [f"{label!r} at {train.where(row)}" for row, label in enumerate(labels) if label in gap_labels]
    what = f"label of task {task.name!r} that looks like a missing value; leave the cell empty if it is one"
    return [Finding.of(what, cases, "noted")] if cases else []


def _gaps_among(labels: Counter[str]) -> Iterator[str]:
    """Labels that look like a missing value: by their form, among numbers also `NA`, and beside 0 to k a rare -1."""
    others = {label: number_of(label) for label in labels if label.lower() not in MISSING}
    are_numbers = bool(others) and all(map(math.isfinite, others.values()))
    yield from (label for label in labels if label.lower() in (MISSING if are_numbers else GAPS))
    codes = sorted(others.values())
    is_minus_one = len(codes) > 2 and codes == [*range(-1, len(codes) - 1)]
    marks = [label for label in labels if label in _MARKS or (is_minus_one and others.get(label) == -1)]
    usual = _RARE * labels.total() / len(labels)
    yield from (label for label in marks if labels[label] <= usual and not (are_numbers and label in _MARKS))


def outliers(task: Regression, train: Table) -> list[Finding]:
    """A finding where a few rows have nearly all of the variance, so that their errors are the metric."""
    numbers = task.targets(train).double()
    squares, rows = ((numbers - numbers.median()) ** 2).sort(descending=True)
    count = int((squares.cumsum(0) < _MOST * squares.sum()).sum()) + 1
    if not squares.any() or count > _FEW * len(train):
        return []
    cases = [f"{numbers[row]:g} at {train.where(row)}" for row in rows[:count].tolist()]
    what = f"number of task {task.name!r} far from all others; {_MOST:.0%} of the squared errors are theirs"
    return [Finding.of(what, cases, "noted")]
