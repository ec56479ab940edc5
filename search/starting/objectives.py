"""The metric that trials are compared by: another than the kind's first where a constant answer would look good."""

from dataclasses import replace

from ...objectives.data.table import Table, take
from ...objectives.doubts import one_sided
from ...objectives.tasks.classification import Classification
from .checking import task_of
from .finding import Chosen

_FAIR = "balanced_accuracy"
"""A constant answer has 1 / C of it, whatever the shares of the C classes."""


def measured(main: Chosen, table: Table) -> Chosen:
    """The main task with the metric that its labels ask for, and why."""
    task = task_of(main)
    if not isinstance(task, Classification):
        return main
    labelled = take(table, [row for row, label in enumerate(task.answers(table)) if label.strip()])
    found = one_sided(task, labelled, [f"{main.name}.accuracy"])
    if not found:
        return main
    share = f"{found[0].count / len(labelled):.1%}"
    return replace(main, metric=_FAIR, why=f"{main.why}; {_FAIR}, as a constant answer has an accuracy of {share}")
