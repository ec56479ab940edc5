"""Several objectives: the trials that no other one dominates, and where the given ones stand."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from . import wording
from .ranking import RankedTrial
from .summary import Summary
from .trials import NOTE, luck, reached, role_of


def front_table(summary: Summary) -> RenderableType:
    """The members of the Pareto front, the best in the first objective first."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=NOTE)
    table.add_column("  trial", justify="right")
    for objective in summary.objectives:
        table.add_column(wording.plain(objective), justify="right", overflow="fold")
    table.add_column("configuration", ratio=1, overflow="fold")
    for trial in summary.front:
        values = (reached(trial, place) for place in range(len(trial.values)))
        told = Text(role_of(summary, trial) + wording.one_line(trial.configuration))
        table.add_row(str(trial.number), *values, told)
    title = Text.assemble(
        ("Pareto front", "bold"),
        f": {len(summary.front)} of {summary.counts.complete} complete trials; no other trial is at least as good in "
        "every objective and better in one",
    )
    return Group(title, table)


def front_verdict(summary: Summary) -> RenderableType:
    """Where baseline and equal weights stand, and how far the front can be trusted."""
    given = {"baseline": summary.baseline, "equal weights": summary.equal_weights}
    lines = [_place(summary, role, trial) for role, trial in given.items() if trial is not None]
    if summary.baseline is None:
        lines.insert(0, Text("Trial 0 (baseline) has no value, so nothing says whether the search helped."))
    return Group(*lines, luck(summary.counts.complete))


def _place(summary: Summary, role: str, trial: RankedTrial) -> Text:
    values = ", ".join(map(wording.number, trial.values))
    name = f"Trial {trial.number} ({role}: {values})"
    better = summary.dominating(trial)
    if not better:
        return Text(f"{name} is on the front.")
    numbers = ", ".join(str(member.number) for member in better)
    return Text(f"{name} is dominated by trial{'s' if len(better) > 1 else ''} {numbers}.")
