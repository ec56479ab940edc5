"""`autotune study show --watch`: monitors a study that others run, and changes nothing."""

import time
from collections.abc import Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ..safe_text import plain
from ..storage import patiently, timeouts
from ..study import StudyRecord, while_stored
from ..summary.summarizing import summarize
from ..summary.summary import Summary
from ..wording import number
from .consoles import INTERRUPTED, output, tell
from .targets import opened

INTERVAL_S = 2.0


def watch_command(target: str, storage: str | None) -> int:
    """Show where a study stands until its total has ended. Returns the exit code."""
    record = opened(target, storage, reading=True)
    console = output()
    try:
        with while_stored(record, timeouts.RECONNECT_S):
            if console.is_terminal:
                _redraw(record, console)
            else:
                _repeat(record)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _redraw(record: StudyRecord, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for lines in _standings(record):
            live.update(Group(*(Text(plain(line)) for line in lines)), refresh=True)


def _repeat(record: StudyRecord) -> None:
    """Without a terminal: the lines again whenever they change."""
    last: list[str] = []
    for lines in _standings(record):
        if lines != last:
            tell(", ".join(lines))
        last = lines


def _standings(record: StudyRecord) -> Iterator[list[str]]:
    """Where the study stands, in lines; again and again until its total has ended.

    A run that was given a greater total shows it by its trials alone, so between two of them only a second look tells.
    """
    done = -1
    while True:
        counts = (summary := patiently(lambda: summarize(record.study, importance=False))).counts
        yield _lines(summary)
        if counts.done >= counts.total:
            if counts.done == done:
                return
            done = counts.done
        time.sleep(INTERVAL_S)


def _lines(summary: Summary) -> list[str]:
    counts = summary.counts
    best = f"best {number(summary.best.values[0])} (trial {summary.best.number})" if summary.best else "no best yet"
    return [
        f"{summary.study}: {counts.done} of {counts.total} trials done, {counts.running} running",
        f"{counts.complete} complete, {counts.pruned} pruned, {counts.failed} failed",
        best,
    ]
