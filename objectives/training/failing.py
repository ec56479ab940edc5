"""Classification of exceptions: how a trial failed, and whether others would fail too."""

import traceback

import torch

from ...spaces.errors import AutotuneError, Diverged
from .failure import Failure, FailureKind

TAIL_LINES = 12
"""Of a traceback, in a trial's record."""
_NO_MEMORY = ("allocate memory", "error: out of memory", "STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED")
"""The last is what cuBLAS says where a card has no room for its own workspace."""
_LIBRARIES = ("CUBLAS_STATUS", "CUDNN_STATUS")
"""A kernel fails when nobody looks; the first call behind it may be one of theirs, whose error does not say so."""


def tail(error: BaseException) -> str:
    """The last lines of an error's traceback."""
    return "\n".join("".join(traceback.format_exception(error)).splitlines()[-TAIL_LINES:])


def is_more_than_a_trials(error: Exception, device: torch.device) -> bool:
    """Whether other trials would fail too: by the user's mistake, or as a failed kernel took the device with it.

    Raises:
        torch.AcceleratorError: the device has failed, which the error of a library on it did not say.
    """
    if isinstance(error, torch.AcceleratorError):
        return "out of memory" not in str(error)
    if any(status in str(error) for status in _LIBRARIES):
        torch.cuda.synchronize(device)
    return isinstance(error, AutotuneError) and not isinstance(error, Diverged)


def failure_of(error: Exception) -> Failure:
    """The name of what went wrong. Some failed allocations are told by their words only, the CPU's and cuBLAS' own."""
    message, trace = str(error) or type(error).__name__, tail(error)
    if isinstance(error, Diverged):
        return Failure(FailureKind.DIVERGED, message, trace)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in message for words in _NO_MEMORY):
        return Failure(FailureKind.OUT_OF_MEMORY, message, trace)
    return Failure(FailureKind.CRASHED, message, trace)
