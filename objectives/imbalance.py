"""Whether a constant answer would look good by the study's objective."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .data.cleaning import Finding
from .data.table import Table
from .tasks.classification import Classification
from .tasks.task import Task

_ONE_SIDED = 0.9
"""The share of one label from which on accuracy says little; a constant answer has it as its accuracy."""


def imbalance(main: Task[Any], train: Table, objectives: Sequence[str]) -> list[Finding]:
    """A finding where nearly all training rows have one label and the first objective is accuracy."""
    if not isinstance(main, Classification) or objectives[0] != f"{main.name}.accuracy" or not len(train):
        return []
    label, count = Counter(main.answers(train)).most_common(1)[0]
    if count < _ONE_SIDED * len(train):
        return []
    what = (
        f"{label!r} is the label of {count / len(train):.1%} of the rows, which is the accuracy of a constant answer; "
        f"the objective {main.name}.balanced_accuracy or {main.name}.f1 tells more"
    )
    return [Finding(what, count, (), "noted")]
