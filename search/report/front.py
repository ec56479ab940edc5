"""Several objectives: the trials that no other one dominates."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .. import wording
from ..safe_text import plain
from ..summary.summary import Summary
from .sentences import front_size
from .trials import NOTE, reached, role_of


def front_table(summary: Summary) -> RenderableType:
    """The members of the Pareto front, the best in the first objective first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=NOTE)
    table.add_column("  trial", justify="right")
    for objective in summary.objectives:
        table.add_column(plain(objective), justify="right", overflow="fold")
    table.add_column("configuration", ratio=1, overflow="fold")
    for trial in summary.front:
        values = (reached(trial, place) for place in range(len(trial.values)))
        told = Text(role_of(summary, trial) + wording.in_short(trial.configuration))
        table.add_row(str(trial.number), *values, told)
    title = Text.assemble(("Pareto front", "bold"), f": {front_size(summary)}")
    return Group(title, table)
