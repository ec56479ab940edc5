"""The operations of a space, made before any long work: what one lacks is told at once, or it is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import DataError, OperationUnavailable
from .bank import TEXT_OPERATIONS
from .operation import Resources, TextOperation


@dataclass(frozen=True)
class Operations:
    """The text operations of a space that can be used, and why others were dropped, by name."""

    made: Mapping[str, TextOperation]
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()
    """What the operations say to the user."""

    @property
    def label_changing(self) -> list[str]:
        return [name for name, operation in self.made.items() if operation.changes_label]


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
        if name == "flip":
            _check_opposites(space, resources)
        try:
            made[name] = TEXT_OPERATIONS[name].make(space, resources)
        except OperationUnavailable as error:
            missing[name] = str(error)
    if missing and space.on_missing == "error":
        raise OperationUnavailable(
            "\n".join(f"{name}: {reason}" for name, reason in missing.items())
            + "\n(space: augmentation: on_missing: drop leaves such operations out)"
        )
    return Operations(made, missing, notes)


def _check_opposites(space: AugmentationSpace, resources: Resources) -> None:
    """An opposite that no row has is a typing error; without any opposite `flip` would refuse every row."""
    given, known = space.flip.opposites, resources.labels
    unknown = [label for pair in given.items() for label in pair if label not in known]
    where, labels = "space: augmentation: flip: opposites", ", ".join(map(repr, known))
    if unknown:
        raise DataError(f"{where}: {unknown[0]!r} is no label of the training rows; its labels: {labels}")
    if not given:
        raise DataError(f"{where}: no label has an opposite, so that flip would refuse every row; labels: {labels}")
