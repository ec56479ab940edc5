"""Ctrl-C and SIGTERM: once means finish the rung and leave, twice means leave now."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def interruption(say: Callable[[str], None]) -> Generator[Interruption]:
    """Turn the first signal into a request and the second into KeyboardInterrupt, until the context is left."""
    found = Interruption()

    def receive(_number: int, _frame: FrameType | None) -> None:
        if found.requested:
            raise KeyboardInterrupt
        found.requested = True
        say("stopping after this rung; once more to stop now")

    previous = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield found
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
