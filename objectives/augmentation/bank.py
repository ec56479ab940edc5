"""All augmentation operations by name: one import and one entry each."""

from .batch_operation import BatchOperation
from .cutoff import Cutoff
from .mixup import Mixup
from .noise import Noise
from .operation import TextOperation
from .reverse import Reverse

TEXT_OPERATIONS: dict[str, type[TextOperation]] = {operation.name: operation for operation in (Noise, Reverse)}
"""They rewrite rows, once a study, ahead of training."""

BATCH_OPERATIONS: dict[str, BatchOperation] = {operation.name: operation for operation in (Mixup(), Cutoff())}
"""They work on the tensors of a batch while it is put together."""

OPERATIONS: tuple[str, ...] = (*TEXT_OPERATIONS, *BATCH_OPERATIONS)
"""Every name that a mix may have, in the order of a mix's vectors."""
