"""All augmentation operations by name: one import and one entry each."""

from .back_translate import BackTranslate
from .batch_operation import BatchOperation
from .cutoff import Cutoff
from .flip import Flip
from .mask import Mask
from .mixup import Mixup
from .noise import Noise
from .operation import TextOperation
from .replace import Replace
from .reverse import Reverse
from .synthesize import Synthesize

TEXT_OPERATIONS: dict[str, type[TextOperation]] = {
    operation.name: operation for operation in (Noise, Reverse, Replace, Mask, Flip, BackTranslate, Synthesize)
}
"""They rewrite rows, once a study, ahead of training."""

BATCH_OPERATIONS: dict[str, BatchOperation] = {operation.name: operation for operation in (Mixup(), Cutoff())}
"""They work on the tensors of a batch while it is put together."""

OPERATIONS: tuple[str, ...] = (*TEXT_OPERATIONS, *BATCH_OPERATIONS)
"""Every name that a mix may have, in the order of a mix's vectors."""
