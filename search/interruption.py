"""Ctrl-C and SIGTERM: once means finish the rung and exit, twice means exit immediately."""

import _thread
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.shielded = False
        """No signal raises: what is under way must be whole, and it is short."""
        self.is_at_once = False
        """The first signal raises: nothing is under way that could end well soon."""

    @contextmanager
    def at_once(self) -> Generator[None]:
        """Stop what is done in this context without waiting for anything, as data may take hours to prepare.

        Raises:
            KeyboardInterrupt: somebody asks to stop, or did before.
        """
        self.is_at_once = True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self.is_at_once = False

    @contextmanager
    def shield(self) -> Generator[None]:
        """Let no signal interrupt what is done in this context; whoever asks to stop is leaving already."""
        self.shielded = True
        try:
            yield
        finally:
            self.shielded = False


@contextmanager
def interruption(say: Callable[[str], None], when: str = "after this rung") -> Generator[Interruption]:
    """Turn the first signal into a request and the second into KeyboardInterrupt, until the context is left."""
    found, told = Interruption(), threading.Event()

    def tell() -> None:
        try:
            say(f"stopping {when}; press Ctrl-C again to stop now")
        finally:
            told.set()

    def receive(_number: int, _frame: FrameType | None) -> None:
        if not found.requested and not found.is_at_once:
            found.requested = True
            # Not here: the signal may have come in the middle of a print, and a stream is not entered twice.
            _thread.start_new_thread(tell, ())
        elif not found.shielded:
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield found
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if found.requested:
            told.wait()
