"""Checks that the training data has the labels of best.yaml, before training."""

from ...objectives.corpus.corpus import Corpus
from ...objectives.tasks.labels import named
from ...spaces.errors import DataError
from ..export.best_file import BestConfiguration


def check_labels(best: BestConfiguration, corpus: Corpus) -> None:
    """Check that each task has the labels that the configuration was found with, in the same order.

    A file without labels, as one may be that was written by hand, says nothing of them.

    Raises:
        DataError: a label is missing, new, or in another place; all such tasks are named.
    """
    if not best.labels:
        return
    found = corpus.labels
    wrong = [
        f"labels.{task}: {_difference(best.labels.get(task, []), found.get(task, []))}; "
        "search again on this data, or restore the original data"
        for task in sorted({*best.labels, *found})
        if best.labels.get(task, []) != found.get(task, [])
    ]
    if wrong:
        raise DataError("\n".join(wrong))


def _difference(known: list[str], found: list[str]) -> str:
    missing, new = [label for label in known if label not in found], [label for label in found if label not in known]
    if not missing and not new:
        return f"the training data has these labels in another order: {named(found)}"
    parts = [f"lacks {named(missing)}"] if missing else []
    parts += [f"has {named(new)}, which the configuration was not found with"] if new else []
    return f"the training data {' and '.join(parts)}"
