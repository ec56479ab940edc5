"""The report on the terminal: the winner, its margin, the reasons, and how far to trust it."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...objectives.training.failure import FailureKind
from .. import wording
from ..confirmation.result import Arm, Confirmed
from ..ranking import RankedTrial
from ..safe_text import plain, printable
from ..summary.auxiliaries import Auxiliary
from ..summary.importance import STEADY
from ..summary.summary import Summary
from . import sentences
from .confirmed import verdict_blocks
from .data import data_blocks
from .front import front_table
from .trials import NOTE, reached, role_of

_BAR_CELLS = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"


def print_report(summary: Summary, console: Console, confirmed: Confirmed | None) -> None:
    """Print the report, fitted to the console's width; names from the user's files are printed literally.

    Args:
        summary: what the search found.
        console: where it is printed.
        confirmed: what fresh trainings say of it, if there are any.
    """
    for block in _blocks(summary, confirmed):
        console.print(block)
        console.print()


def _blocks(summary: Summary, confirmed: Confirmed | None) -> Iterator[RenderableType]:
    yield _heading(summary)
    if confirmed is not None:
        yield from verdict_blocks(confirmed)
    if confirmed is not None and confirmed.winner is not None:
        yield _confirmed_best(summary, confirmed.winner)
        yield front_table(summary) if summary.has_several else _top(summary)
    elif summary.best is None:
        yield Text("No trial is complete yet, so there is no best configuration.", style="yellow")
    elif summary.has_several:
        yield _best(summary, summary.best)
        yield front_table(summary)
        yield Group(*sentences.standing(summary, summary.best))
    else:
        yield _best(summary, summary.best)
        yield Group(*sentences.standing(summary, summary.best))
        yield _top(summary)
    if summary.auxiliaries and not summary.has_several:
        yield _auxiliaries(summary.auxiliaries)
    if summary.importance:
        yield _importance(summary)
    yield from data_blocks(summary)
    yield _trials(summary)


def _heading(summary: Summary) -> RenderableType:
    encoder = wording.encoder(summary.encoder, summary.revision)
    return Group(
        Text.assemble("Study ", (plain(summary.study), "bold")),
        Text(f"{sentences.ways(summary)}; encoder {plain(encoder)}"),
    )


def _confirmed_best(summary: Summary, winner: Arm) -> RenderableType:
    title = Text.assemble(("Best configuration", "bold"), ": ", (winner.name, "bold"), ", by fresh seeds")
    return Group(title, _table(sentences.configuration_rows(summary, winner.configuration)))


def _best(summary: Summary, best: RankedTrial) -> RenderableType:
    title = Text.assemble(
        ("Best configuration", "bold"),
        f" in {plain(next(iter(summary.objectives)))}" if summary.has_several else "",
        f": trial {best.number}, ",
        (reached(best), "bold"),
        f" {sentences.where(summary, best)}",
    )
    return Group(title, _table(sentences.trial_rows(summary, best)))


def _table(named: Iterable[tuple[str, str]]) -> Table:
    rows = Table.grid(padding=(0, 2))
    for name, value in named:
        rows.add_row(Text(f"  {name}"), Text(value, style=NOTE if value == "off" else "cyan"))
    return rows


def _top(summary: Summary) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=NOTE)
    table.add_column("  trial", justify="right")
    table.add_column("value", justify="right")
    table.add_column("step", justify="right")
    table.add_column("configuration", ratio=1, overflow="fold")
    for trial in summary.top:
        table.add_row(
            str(trial.number),
            reached(trial),
            str(trial.step),
            Text(role_of(summary, trial) + wording.in_short(trial.configuration)),
        )
    return Group(Text("Top five" if len(summary.top) > 1 else "The only complete trial", style="bold"), table)


def _auxiliaries(auxiliaries: Sequence[Auxiliary]) -> RenderableType:
    """A line a task: whether the best trial has it, and how trials with and without it did."""
    title = Text.assemble(("Auxiliary tasks", "bold"), ("; trials differ in more than these: a hint, no proof", NOTE))
    return Group(title, *(Padding(sentences.auxiliary(task), (0, 0, 0, 2)) for task in auxiliaries))


def _importance(summary: Summary) -> RenderableType:
    rows = Table.grid(padding=(0, 1))
    rows.add_column(overflow="fold")
    rows.add_column(no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    largest = max(summary.importance.values())
    for name, share in summary.importance.items():
        bar = Text(_bar(share / largest), style="cyan")
        rows.add_row(Text(f"  {plain(name)}"), bar, wording.percent(share))
    title = Text.assemble(("Importance", "bold"), " for reaching the best tenth")
    if summary.counts.complete < STEADY:
        title.append(f"; rough, from {summary.counts.complete} complete trials", style=NOTE)
    return Group(title, rows)


def _bar(fraction: float) -> str:
    """A bar of at most `_BAR_CELLS` cells, drawn to an eighth of a cell."""
    cells, eighths = divmod(round(fraction * _BAR_CELLS * 8), 8)
    return ("█" * cells + _EIGHTHS[eighths]).rstrip().ljust(_BAR_CELLS)


def _trials(summary: Summary) -> RenderableType:
    lines: list[RenderableType] = [Text.assemble(("Trials", "bold"), f" {sentences.states(summary.counts)} in all")]
    for group in summary.failures:
        lines.append(Padding(Text(sentences.reason(group), style="red"), (0, 0, 0, 2)))
        if group.kind == FailureKind.CRASHED and group.trace:  # of the other kinds the message says all
            lines.append(Padding(_trace(group.trace), (0, 0, 0, 4)))
    lines.append(Text(f"Time {wording.duration(summary.seconds)} of training over all trials"))
    return Group(*lines)


def _trace(trace: str) -> Text:
    """The end of a traceback, line by line as it was, without what could steer the terminal."""
    return Text("\n".join(map(printable, trace.splitlines())), style=NOTE)
