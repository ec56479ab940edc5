"""Where output goes: results to standard output, errors to standard error."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ..bank_progress import Quarters
from ..passwords import without_passwords
from ..safe_text import json_text, plain, printable

INTERRUPTED = 130
"""Exit code of a run that somebody stopped; the next one goes on."""


def output(*, stderr: bool = False) -> Console:
    """The console of results, or of errors. Where a system knows no width it says COLUMNS=0: it has 80 columns then."""
    return Console(stderr=stderr, highlight=False, width=80 if os.environ.get("COLUMNS") == "0" else None)


def tell(line: str, style: str = "") -> None:
    """Print one line to standard output, literally; where it is too wide the terminal wraps it, a pipe does not."""
    output().print(Text(plain(line), style), soft_wrap=True)


def tell_beside(line: str) -> None:
    """Print one line to standard error, literally, while standard output is for JSON."""
    typer.echo(plain(line), err=True)


def echo(content: object) -> None:
    """Print JSON to standard output."""
    typer.echo(json_text(content))


def tell_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print rows of plain text; where they are too wide, cells fold and nothing is cut off."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    output().print(table)


def tell_error(message: str) -> None:
    """Print a message to standard error, literally and in red: without control characters and passwords."""
    lines = [printable(line) for line in without_passwords(message).split("\n")]
    output(stderr=True).print(Text("\n".join(lines), "red"), soft_wrap=True)


@contextmanager
def generation() -> Generator[Callable[[int, int, str], None]]:
    """Shows how far the generation of augmented rows is: a bar on a terminal, else a line for each quarter."""
    console = output()
    if not console.is_terminal:
        yield Quarters(tell)
        return
    columns = (TextColumn("augmenting: {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        row = bar.add_task("", total=None, visible=False)
        yield lambda done, total, what: bar.update(row, completed=done, total=total, description=what, visible=True)
