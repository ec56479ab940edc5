"""All augmentation operations by name, and what a text operation makes of the training texts."""

import random
from collections.abc import Sequence

from .batch_operation import BatchOperation
from .cutoff import Cutoff
from .mixup import Mixup
from .noise import Noise
from .operation import RuleOperation
from .reverse import Reverse

TEXT_OPERATIONS: dict[str, RuleOperation] = {operation.name: operation for operation in (Noise(), Reverse())}
"""They rewrite texts, once a study, ahead of training."""

BATCH_OPERATIONS: dict[str, BatchOperation] = {operation.name: operation for operation in (Mixup(), Cutoff())}
"""They work on the tensors of a batch while it is put together."""

OPERATIONS: tuple[str, ...] = (*TEXT_OPERATIONS, *BATCH_OPERATIONS)
"""Every name that a mix may have, in the order of a mix's vectors."""


def generate(texts: Sequence[str], operation: str, magnitude: float, replica: int, seed: int) -> list[str]:
    """`texts` rewritten by one text operation; blank texts stay as they are.

    A row's random state comes from its own text, the operation, the replica and the seed: neither the order nor
    the number of rows matters, and a greater magnitude touches the same words and more.

    Raises:
        KeyError: `operation` is not in TEXT_OPERATIONS.
    """
    rewrite = TEXT_OPERATIONS[operation].apply
    return [rewrite(text, magnitude, random.Random(f"{seed}/{operation}/{replica}/{text}")) for text in texts]
