"""Building a space's operations before any long work: missing requirements are errors, or drop the operation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import OperationUnavailable
from .operation import Resources, TextOperation
from .registry import BATCH_OPERATIONS, TEXT_OPERATIONS


@dataclass(frozen=True)
class Operations:
    """The text operations of a space that can be used, and why others were dropped, by name."""

    made: Mapping[str, TextOperation]
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()
    """What the operations say to the user."""
    label_changing: Sequence[str] = ()
    """All operations, those of batches too, after which a row may have another label."""


def make_operations(space: AugmentationSpace, resources: Resources) -> Operations:
    """Make every text operation of a space.

    Raises:
        OperationUnavailable: `on_missing: error`, and needs are missing; the message lists all of them.
        DataError: a lexicon with bad lines, or labels that `flip` cannot turn.
    """
    made: dict[str, TextOperation] = {}
    notes: list[str] = []
    resources = replace(resources, say=notes.append)
    missing: dict[str, str] = {}
    for name in space.operations:
        if name not in TEXT_OPERATIONS:
            continue
        try:
            made[name] = TEXT_OPERATIONS[name].make(space, resources)
        except OperationUnavailable as error:
            missing[name] = str(error)
    if missing and space.on_missing == "error":
        raise OperationUnavailable(
            "\n".join(f"{name}: {reason}" for name, reason in missing.items())
            + "\n(space: augmentation: on_missing: drop leaves such operations out)"
        )
    used = [(TEXT_OPERATIONS | BATCH_OPERATIONS)[name] for name in space.operations if name not in missing]
    return Operations(made, missing, notes, [operation.name for operation in used if operation.changes_label])
