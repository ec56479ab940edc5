"""The report on the terminal: who won, by how much, why, and how far to trust it."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...objectives.training.trainer import FailureKind
from ...spaces.configuration import Configuration
from ..confirmation.result import Arm, Confirmed
from . import wording
from .auxiliaries import Auxiliary, Side
from .confirmed import verdict_blocks
from .data import data_blocks
from .front import front_table, front_verdict
from .ranking import RankedTrial
from .summary import Summary
from .trials import NOTE, luck, reached, role_of

_BAR_CELLS = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
# PED-ANOVA compares the best tenth with all; Optuna advises five trials in that tenth.
_STEADY_IMPORTANCE = 50


def print_report(summary: Summary, console: Console, confirmed: Confirmed | None = None) -> None:
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
        yield front_verdict(summary)
    else:
        yield _best(summary, summary.best)
        yield _verdict(summary, summary.best)
        yield _top(summary)
    if summary.auxiliaries and not summary.has_several:
        yield _auxiliaries(summary.auxiliaries)
    if summary.importance:
        yield _importance(summary)
    yield from data_blocks(summary)
    yield _trials(summary)


def _heading(summary: Summary) -> RenderableType:
    ways = (
        f"{wording.plain(objective)}, {'higher' if direction == wording.MAXIMIZE else 'lower'} is better"
        for objective, direction in summary.objectives.items()
    )
    return Group(
        Text.assemble("Study ", (wording.plain(summary.study), "bold")),
        Text(f"{'; '.join(ways)}; encoder {wording.plain(summary.encoder)}"),
    )


def _confirmed_best(summary: Summary, winner: Arm) -> RenderableType:
    title = Text.assemble(("Best configuration", "bold"), ": ", (winner.name, "bold"), ", by fresh seeds")
    return Group(title, _table(_configuration_rows(summary, winner.configuration)))


def _best(summary: Summary, best: RankedTrial) -> RenderableType:
    where = f"at step {best.step} of {summary.max_steps}"
    if best.folds:
        where = f"over {len(best.folds[0])} folds (mean ± standard deviation)"
    title = Text.assemble(
        ("Best configuration", "bold"),
        f" in {wording.plain(next(iter(summary.objectives)))}" if summary.has_several else "",
        f": trial {best.number}, ",
        (reached(best), "bold"),
        f" {where}",
    )
    folds = [("folds", ", ".join(map(wording.number, best.folds[0])))] if best.folds else []
    return Group(title, _table([*_configuration_rows(summary, best.configuration), *folds]))


def _table(named: Iterable[tuple[str, str]]) -> Table:
    rows = Table.grid(padding=(0, 2))
    for name, value in named:
        rows.add_row(Text(f"  {name}"), Text(value, style=NOTE if value == "off" else "cyan"))
    return rows


def _configuration_rows(summary: Summary, configuration: Configuration) -> Iterator[tuple[str, str]]:
    yield f"α {wording.plain(summary.main_task)}", f"{configuration.alpha:.3f}"
    for task, beta in summary.betas(configuration).items():
        yield f"β {wording.plain(task)}", f"{beta:.3f}" if task in configuration.betas else "off"
    yield "learning rate", wording.rate(configuration.learning_rate)
    yield "mix", wording.mix(summary.mix(configuration))
    yield "magnitude", f"{configuration.mix.magnitude:.3f}" if configuration.mix.share else "off"
    for name, value in [*configuration.cleaning.items(), *configuration.training.items()]:
        yield wording.plain(name), wording.setting(value)


def _verdict(summary: Summary, best: RankedTrial) -> RenderableType:
    lines = [_against_baseline(summary, best)]
    if summary.auxiliary_tasks:
        lines.append(_against_equal_weights(summary, best))
    raced = summary.counts.complete + summary.counts.pruned
    lines.append(luck(raced))
    return Group(*lines)


def _against_baseline(summary: Summary, best: RankedTrial) -> Text:
    baseline = summary.baseline
    if baseline is None:
        return Text("Trial 0 (baseline) has no value, so nothing says whether the search helped.", style="yellow")
    name = f"trial {baseline.number} (baseline, {wording.number(baseline.value)})"
    if wording.advantage(best.value, baseline.value, summary.direction) <= 0:
        return Text(
            f"No trial beats {name}: the main task alone, with the default learning rate and no augmentation, "
            "is the best so far.",
            style="bold yellow",
        )
    gap = wording.distance(best.value, baseline.value, summary.direction)
    return Text.assemble(f"Trial {best.number} beats {name} by ", (gap, "bold green"), ".")


def _against_equal_weights(summary: Summary, best: RankedTrial) -> Text:
    equal = summary.equal_weights
    if equal is None:
        return Text("Equal weights have no value to compare with.")
    if equal.number == best.number:
        return Text("It is the trial with equal weights: the search for better ones found none.")
    clause = wording.compared(best.value, equal.value, f"trial {equal.number}", summary.direction)
    return Text(f"It is {clause} (equal weights, {wording.number(equal.value)}).")


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
            Text(role_of(summary, trial) + wording.one_line(trial.configuration)),
        )
    return Group(Text("Top five" if len(summary.top) > 1 else "The only complete trial", style="bold"), table)


def _auxiliaries(auxiliaries: Sequence[Auxiliary]) -> RenderableType:
    """A line a task: whether the best trial has it, and how trials with and without it did."""
    title = Text.assemble(("Auxiliary tasks", "bold"), ("; trials differ in more than these: a hint, no proof", NOTE))
    return Group(title, *(Padding(_auxiliary(task), (0, 0, 0, 2)) for task in auxiliaries))


def _auxiliary(task: Auxiliary) -> Text:
    state = ("on", "cyan") if task.in_best else ("switched off", NOTE)
    sides = f"with it {_side(task.on)}; without {_side(task.off)}"
    return Text.assemble(f"{wording.plain(task.name)} ", state, f" in the best trial; {sides}")


def _side(side: Side) -> str:
    found = [f"{side.complete} complete, {side.pruned} pruned"]
    if side.best is not None and side.mean is not None:
        found.append(f"best {wording.number(side.best)}, mean {wording.number(side.mean)}")
    return ", ".join(found)


def _importance(summary: Summary) -> RenderableType:
    rows = Table.grid(padding=(0, 1))
    rows.add_column(overflow="fold")
    rows.add_column(no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    largest = max(summary.importance.values())
    for name, share in summary.importance.items():
        bar = Text(_bar(share / largest), style="cyan")
        rows.add_row(Text(f"  {wording.plain(name)}"), bar, wording.percent(share))
    title = Text.assemble(("Importance", "bold"), " for reaching the best tenth")
    if summary.counts.complete < _STEADY_IMPORTANCE:
        title.append(f"; rough, from {summary.counts.complete} complete trials", style=NOTE)
    return Group(title, rows)


def _bar(fraction: float) -> str:
    """A bar of at most `_BAR_CELLS` cells, drawn to an eighth of a cell."""
    cells, eighths = divmod(round(fraction * _BAR_CELLS * 8), 8)
    return ("█" * cells + _EIGHTHS[eighths]).rstrip().ljust(_BAR_CELLS)


def _trials(summary: Summary) -> RenderableType:
    counts = summary.counts
    states = f"{counts.complete} complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running"
    lines: list[RenderableType] = [Text.assemble(("Trials", "bold"), f" {states}, of {counts.total} in all")]
    for group in summary.failures:
        reason = f"{group.count} × {group.kind}, first in trial {group.trials[0]}: {group.message}"
        lines.append(Padding(Text(wording.plain(reason), style="red"), (0, 0, 0, 2)))
        if group.kind == FailureKind.CRASHED and group.trace:  # of the other kinds the message says all
            lines.append(Padding(_trace(group.trace), (0, 0, 0, 4)))
    lines.append(Text(f"Time {wording.duration(summary.seconds)} of training over all trials"))
    return Group(*lines)


def _trace(trace: str) -> Text:
    """The end of a traceback, line by line as it was, without what could steer the terminal."""
    lines = ("".join(each if each.isprintable() else " " for each in line) for line in trace.splitlines())
    return Text("\n".join(lines), style=NOTE)
