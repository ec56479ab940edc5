"""The contract of a batch operation, which works on tensors while a batch is put together."""

from abc import abstractmethod
from typing import Any, ClassVar

import torch

from ..tasks.batch import Batch, TextCodes
from ..tasks.task import Task
from .operation import Operation


class BatchOperation(Operation):
    """Says in a batch what the model is to do with some rows' embeddings. There is no text to look at.

    Contract (tests/conformance/test_batch_operations.py): rows that are not chosen, and every row at magnitude 0, give
    what they gave before, to the bit; the same random state gives the same batch; and a trial's rows become the same
    beside other trials' as alone.
    """

    refusal: ClassVar[str]
    """What it cannot do with a task that it does not fit: "cannot … a span task"."""

    @abstractmethod
    def fits(self, task: Task[Any]) -> bool:
        """Whether the targets of a task's kind allow the operation."""

    @abstractmethod
    def apply(
        self, batch: Batch, chosen: torch.Tensor, magnitude: torch.Tensor, generator: torch.Generator, codes: TextCodes
    ) -> Batch:
        """The batch with what the model is to do.

        Args:
            batch: the rows of one or more trials, one trial's after another's, on the CPU, padded on the right.
            chosen: (trials, rows) bool, the rows to change.
            magnitude: (trials,), each in [0, 1].
            generator: a CPU generator. All trials have the same draws.
            codes: the special tokens, and how wide an embedding is.
        """
