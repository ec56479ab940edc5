"""Writing states to a disk that may be full, and what share of the time it may take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

COST = 0.05
"""The largest share of training time that writing takes, unless somebody asks for another."""


@dataclass
class Saver:
    """A disk that has no room costs the way back to an earlier state, not the training.

    Args:
        note: is told of it, once.
        text: what it is told, with {} in place of the reason.
    """

    note: Callable[[str], None]
    text: str
    seconds: float = field(default=0.0, init=False)
    """What the last state took. One that cannot be written costs time too, and is tried again no sooner."""
    _is_full: bool = field(default=False, init=False)

    def save(self, write: Callable[[], None], began: float) -> bool:
        """Whether a state could be written; `began` is when its making did, by time.monotonic."""
        try:
            write()
        except OSError as error:
            if not self._is_full:
                self.note(self.text.format(error.strerror or str(error)))
            self._is_full = True
            return False
        finally:
            self.seconds = time.monotonic() - began
        return True
