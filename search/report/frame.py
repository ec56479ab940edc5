"""One frame of the live view, fitted to the terminal's size at that moment."""

import math

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import wording
from .progress import RunProgress, ShownTrial
from .sparkline import sparkline

_CURVE_CELLS = 12
_BAR_CELLS = 40
_WIDE = 90
"""From this width on there is room for the configurations."""
_OTHER_LINES = 8
"""Lines that are no trial: a blank, the bar, counts, best, slots, time, the table's head, and how many more run."""


def draw(progress: RunProgress, width: int, height: int) -> RenderableType:
    """The frame for a terminal of `width` × `height` cells; empty before the run began."""
    if not progress.total:
        return Group()
    lines: list[RenderableType] = [
        Text(),
        _bar(progress, width),
        _line(progress.counts),
        *([_line(_best(progress))] if progress.is_race else []),
        *([_line(_slots(progress))] if progress.slots > 1 and height > _OTHER_LINES else []),
        _line(_time(progress)),
    ]
    if progress.running:
        lines.append(_running(progress, width, max(1, height - _OTHER_LINES)))
    return Group(*lines)


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _bar(progress: RunProgress, width: int) -> RenderableType:
    count = progress.standing
    cells = max(4, min(_BAR_CELLS, width - len(count) - 2))
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(progress.total, progress.done, width=cells), Text(count, style="bold", no_wrap=True))
    return row


def _best(progress: RunProgress) -> str:
    if progress.best is None:
        return "no trial is complete yet"
    number, value = progress.best
    best = f"best {wording.number(value)} (trial {number})"
    if progress.baseline is None:
        return best
    if wording.advantage(value, progress.baseline, progress.direction) <= 0:
        return f"{best}, not better than the baseline"
    gain = wording.gain(value, progress.baseline, progress.direction)
    return f"{best}, baseline {wording.number(progress.baseline)}, {gain}"


def _slots(progress: RunProgress) -> str:
    busy = f"{len(progress.running)} of {progress.slots} slots busy"
    return busy if progress.occupancy is None else f"{busy}, {progress.occupancy:.0%} so far"


def _time(progress: RunProgress) -> str:
    elapsed = wording.duration(progress.elapsed_s)
    if progress.left_s is None:
        return elapsed
    if not progress.is_race:
        return f"{elapsed}, {wording.estimate(progress.left_s)} left"
    condition = "at this pruning rate" if progress.pruned else "if none is pruned"
    return f"{elapsed}, {wording.estimate(progress.left_s)} left {condition}"


def _running(progress: RunProgress, width: int, rows: int) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("running", "step", "value"):
        table.add_column(name, justify="right", no_wrap=True)
    cells = min(_CURVE_CELLS, width // 6)  # at 40 cells there is room for a value such as 1.234e-05
    table.add_column("curve", min_width=cells, no_wrap=True)
    if width >= _WIDE:
        table.add_column("configuration")  # the one column that may shrink: its cells are cut, not wrapped
    low, high = _range(progress)
    trials = list(progress.running.values())
    for trial in trials[:rows]:
        curve = Text(sparkline(trial.values, low, high, cells), style="cyan")
        shown = [_name(progress, trial), f"{trial.step}/{progress.max_steps}", _last(trial), curve]
        table.add_row(*shown, *([_line(wording.in_short(trial.configuration))] if width >= _WIDE else []))
    more = len(trials) - rows
    return Group(table, _line(f"and {more} more running")) if more > 0 else table


def _name(progress: RunProgress, trial: ShownTrial) -> str:
    if not progress.is_race:
        return progress.name(trial.number)
    return f"{trial.role} {trial.number}" if trial.role else str(trial.number)


def _last(trial: ShownTrial) -> str:
    return wording.number(trial.values[-1]) if trial.values else "-"


def _range(progress: RunProgress) -> tuple[float, float]:
    """One range for all curves, so that they can be compared with each other and with the known values."""
    values = [value for trial in progress.running.values() for value in trial.values]
    values += [] if progress.baseline is None else [progress.baseline]
    values += [] if progress.best is None else [progress.best[1]]
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)
