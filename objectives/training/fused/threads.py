"""Work side by side on the cores of a CPU, in threads of this process; torch leaves Python's lock while it computes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


class Halt(Event):
    """Set where the thread that waits for the others is interrupted."""

    def check(self) -> None:
        """KeyboardInterrupt: this thread should end."""
        if self.is_set():
            raise KeyboardInterrupt


def side_by_side(work: Callable[[Part], Result], parts: Sequence[Part], halt: Halt) -> list[Result]:
    """The results of some work for each part, in order; every part but an only one has a thread of its own.

    Raises:
        Exception: what the first part that failed raised, when all have ended.
        KeyboardInterrupt: this thread was interrupted; the others have ended at their next `halt.check`.
    """
    if len(parts) == 1:
        return [work(parts[0])]
    halt.clear()
    with ThreadPoolExecutor(len(parts)) as threads:
        try:
            running = [threads.submit(work, part) for part in parts]
            return [each.result() for each in running]
        except KeyboardInterrupt:
            halt.set()
            raise
