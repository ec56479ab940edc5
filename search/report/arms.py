"""The arms of a confirmation on the terminal: a table with intervals drawn, fitted to the width."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .. import wording
from ..confirmation.result import Arm, Confirmed
from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate
from ..verdict.units import Unit
from ..verdict.verdict import Verdict
from .trials import NOTE

_CELLS = 17
"""Cells of a drawn interval, at least."""
_NAME = 16
"""Cells that a table leaves for names: "trial 123" stays on one line, and so does each word after it."""
_INDENT, _GAP = 2, 2
_MEAN, _GAIN, _BETTER = "mean", "gain over baseline", "P(better)"
_FAILED = "failed"


def marks(name: str, verdict: Verdict) -> list[str]:
    """What an arm is besides: the winner, tied with it, the simplest of these."""
    holds = {
        "winner": name == verdict.winner.name,
        "tied": name in verdict.tied and name != verdict.winner.name,
        "simplest": name == verdict.simplest,
    }
    return [mark for mark, is_so in holds.items() if is_so]


@dataclass(frozen=True)
class ArmsTable:
    """Each arm's mean, drawn interval, gain and P(better), as wide as the console.

    Where that is too wide, nothing is drawn; where figures still leave too little for names, they come in words below
    each name. So no name and no figure is ever cut.
    """

    confirmed: Confirmed
    verdict: Verdict

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [_named(arm, self.verdict) for arm in self.confirmed.arms]
        figures = _figures(self.confirmed, self.verdict)
        axis = _axis(self.verdict)
        drawn = {_MEAN: figures[_MEAN], axis: _drawn(self.confirmed, self.verdict, len(axis)), **figures}
        shown = next((each for each in (drawn, figures) if _width(each) <= options.max_width), None)
        if shown is not None:
            yield Padding(_table(names, shown, axis), (0, 0, 0, _INDENT))
            return
        for name, *row in zip(names, *figures.values(), strict=True):
            yield Padding(name, (0, 0, 0, _INDENT))
            yield Padding(_in_words(dict(zip(figures, row, strict=True))), (0, 0, 0, 2 * _INDENT))


def _named(arm: Arm, verdict: Verdict) -> Text:
    note = f" ({', '.join(found)})" if (found := marks(arm.name, verdict)) else ""
    return Text.assemble(arm.name, (note, NOTE))


def _figures(confirmed: Confirmed, verdict: Verdict) -> dict[str, list[Text]]:
    """The columns of figures by their heads: a cell an arm, empty where it has no such figure."""
    rows = [
        _row(verdict.scores.get(arm.name), verdict.comparisons.get(arm.name), confirmed.unit) for arm in confirmed.arms
    ]
    return {head: [row[place] for row in rows] for place, head in enumerate((_MEAN, _GAIN, _BETTER))}


def _row(score: Estimate | None, comparison: Comparison | None, unit: Unit) -> tuple[Text, Text, Text]:
    if score is None:
        return Text(_FAILED, style="red"), Text(), Text()
    mean = Text(wording.number(score.mean))
    if comparison is None:
        return mean, Text("-"), Text("-")
    gain = unit.gain(comparison.gain).replace(" points", "")
    return mean, Text(gain), Text(wording.probability(comparison.test.probability_better))


def _drawn(confirmed: Confirmed, verdict: Verdict, cells: int) -> list[Text]:
    scores = [verdict.scores.get(arm.name) for arm in confirmed.arms]
    return [Text(_whiskers(score, *_range(verdict), cells) if score else "", style="cyan") for score in scores]


def _width(figures: Mapping[str, Sequence[Text]]) -> int:
    """Cells of a table of these figures beside names."""
    widest = (max(len(head), *(cell.cell_len for cell in cells)) for head, cells in figures.items())
    return _INDENT + _NAME + sum(_GAP + cells for cells in widest)


def _table(names: Sequence[Text], figures: Mapping[str, Sequence[Text]], axis: str) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style=NOTE)
    table.add_column("arm", overflow="fold")
    for head in figures:
        table.add_column(head, justify="left" if head == axis else "right", no_wrap=True)
    for row in zip(names, *figures.values(), strict=True):
        table.add_row(*row)
    return table


def _in_words(row: Mapping[str, Text]) -> Text:
    """The figures an arm has: "mean 0.8367, gain over baseline +4.0 (3.2 to 4.8), P(better) 0.992"; or "failed"."""
    if row[_MEAN].plain == _FAILED:
        return row[_MEAN]
    return Text(", ").join(Text.assemble(f"{head} ", cell) for head, cell in row.items() if cell.plain != "-")


def _range(verdict: Verdict) -> tuple[float, float]:
    """One scale for all intervals."""
    ends = [end for score in verdict.scores.values() for end in score.ends]
    return min(ends), max(ends)


def _axis(verdict: Verdict) -> str:
    """The ends of the scale over the ends of what is drawn on it, with a gap between them."""
    low, high = (wording.number(end) for end in _range(verdict))
    return f"{low}{high:>{max(_GAP + len(high), _CELLS - len(low))}}"


def _whiskers(estimate: Estimate, low: float, high: float, cells: int) -> str:
    """An interval with its mean, on a scale of so many cells: "  ├───●──┤   "."""
    width = high - low or 1.0
    first, mean, last = (round((value - low) / width * (cells - 1)) for value in _with_mean(estimate))
    drawn = [" "] * cells
    drawn[first : last + 1] = "─" * (last + 1 - first)
    drawn[first], drawn[last] = "├", "┤"
    drawn[mean] = "●"
    return "".join(drawn)


def _with_mean(estimate: Estimate) -> tuple[float, float, float]:
    low, high = estimate.ends
    return low, min(max(estimate.mean, low), high), high
