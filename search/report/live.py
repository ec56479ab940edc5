"""Watching a run: a live view on a terminal, plain lines anywhere else."""

import threading
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ..observer import Observer
from .frame import draw
from .narrator import Narrator

_REFRESHES_PER_S = 4
_REPEATED = 8
"""How many sentences are said again after the screen was cleared."""


def make_observer(console: Console, *, is_race: bool = True) -> AbstractContextManager[Observer]:
    """A live view where the console can redraw, else plain lines. Leaving the context restores the terminal.

    Args:
        console: where it is shown.
        is_race: whether trials compete; fresh trainings are called by their own names, and none is the best so far.
    """
    if console.is_terminal and console.is_interactive:
        return LiveView(console, is_race=is_race)
    return nullcontext(PlainLines(console, is_race=is_race))


class PlainLines(Narrator):
    """One line an event, flushed at once, without control codes: for logs, pipes and CI."""

    def __init__(self, console: Console, *, is_race: bool) -> None:
        super().__init__(is_race=is_race)
        self._console = console

    def say(self, sentence: str, *, passing: bool = False) -> None:
        """Print the sentence, whole even where it is wider than the console."""
        self._console.print(Text(sentence), soft_wrap=True)


class LiveView(Narrator):
    """A progress bar, the best so far, the time left, and the running trials with their curves.

    A trial's end and a message scroll away above the view, which is gone when the context is left. A
    thread redraws it, because a training step holds the tuner's thread for seconds. It is our own
    thread: Rich's may draw in the middle of a `print`, which then erases a line too many.
    """

    def __init__(self, console: Console, *, is_race: bool) -> None:
        super().__init__(is_race=is_race)
        self._console = console
        self._live = Live(console=console, get_renderable=self._frame, auto_refresh=False, transient=True)
        self._is_over = threading.Event()
        self._said: deque[str] = deque(maxlen=_REPEATED)
        self._width = console.width
        self._thread = threading.Thread(target=self._redraw, daemon=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        with self.lock:
            self._live.stop()

    def say(self, sentence: str, *, passing: bool = False) -> None:
        """Print the sentence above the view, unless the view shows it anyway."""
        if not passing:
            with self.lock:
                self._said.append(sentence)
                self._console.print(Text(sentence))

    def _redraw(self) -> None:
        while not self._is_over.wait(1 / _REFRESHES_PER_S):
            with self.lock:
                if not self._is_over.is_set():
                    self._after_resize()
                    self._live.refresh()

    def _after_resize(self) -> None:
        """Start on a clean screen where a narrower terminal has wrapped the last frame, which would stay as debris."""
        if self._console.width < self._width:
            self._console.clear()
            self._console.print(Text("\n".join(self._said)))
        self._width = self._console.width

    def _frame(self) -> RenderableType:
        return draw(self.progress, self._console.width, self._console.height)
