"""The contract of an augmentation operation, and what one declares about itself.

A *text* operation rewrites one training text. A *batch* operation (mixup) works on tensors while a
batch is put together. Which rows are augmented, and how often, is the mix's business, not theirs.
"""

import random
from abc import ABC, abstractmethod
from typing import ClassVar


class TextOperation(ABC):
    """Rewrites texts, one at a time. Pure: the same text, magnitude and random state give the same result.

    Contract (tests/conformance/test_operations.py): for every Unicode text and magnitude in [0, 1] the
    result is valid, non-empty text; magnitude 0 is the identity; the input's label stays true.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    """Counts up when the output for the same input changes: part of the cache's key."""
    magnitude: ClassVar[str]
    """What the magnitude means, in one sentence."""

    @abstractmethod
    def apply(self, text: str, magnitude: float, generator: random.Random) -> str:
        """Return the rewritten text."""
