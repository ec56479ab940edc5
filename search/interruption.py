"""Ctrl-C and SIGTERM: once means finish the rung and exit, twice means exit immediately."""

import _thread
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


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
    found, told, arrivals = Interruption(), threading.Event(), _Arrivals()

    def tell() -> None:
        try:
            say(f"stopping {when}; press Ctrl-C again to stop now")
        finally:
            told.set()

    def hear() -> None:
        if not found.requested and not found.is_at_once:
            found.requested = True
            # Not here: the signal may have come in the middle of a print, and a stream is not entered twice.
            _thread.start_new_thread(tell, ())
        elif not found.shielded:
            raise KeyboardInterrupt

    def receive(_number: int, _frame: FrameType | None) -> None:
        for _ in range(arrivals.new()):
            hear()

    with arrivals.counted():
        previous = {number: signal.signal(number, receive) for number in _STOPS}
        try:
            yield found
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            if found.requested:
                told.wait()


class _Arrivals:
    """How many signals came.

    A handler runs once for all that come while a C function holds the main thread, such as SQLite while it waits for
    a lock. But each of them writes its number to the wakeup file descriptor.
    """

    def __init__(self) -> None:
        self._runs = self._written = self._known = 0
        self._reader = -1

    @contextmanager
    def counted(self) -> Generator[None]:
        """Have signals counted until the context is left."""
        self._reader, writer = os.pipe()
        try:
            for end in (self._reader, writer):
                os.set_blocking(end, False)
            previous = signal.set_wakeup_fd(writer)
            try:
                yield
            finally:
                signal.set_wakeup_fd(previous)
        finally:
            os.close(self._reader)
            os.close(writer)

    def new(self) -> int:
        """How many came that are not told yet; a handler asks once whenever it runs."""
        self._runs += 1
        with suppress(BlockingIOError):
            self._written += sum(number in _STOPS for number in os.read(self._reader, 4096))
        # No less than the handler ran: a signal that another thread was given may write its number a moment later.
        before, self._known = self._known, max(self._runs, self._written)
        return self._known - before
