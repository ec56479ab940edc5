"""The verdict on the terminal: in words, the arms as a table with their intervals drawn, the ablation as bars."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..confirmation.result import Arm, Confirmed
from ..confirmation.words import sentences
from ..verdict.ablation import Effect
from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate
from ..verdict.units import Unit
from ..verdict.verdict import Verdict
from . import wording
from .trials import NOTE

_CELLS = 17


def verdict_blocks(confirmed: Confirmed) -> Iterator[RenderableType]:
    """The verdict, its evidence, and the ablation of the winner."""
    first, *others = map(wording.plain, sentences(confirmed))
    yield Group(Text.assemble(("Verdict ", "bold"), (first, "bold green")), *map(Text, others))
    if confirmed.verdict is not None:
        yield _arms(confirmed, confirmed.verdict)
    if confirmed.effects:
        yield _ablation(confirmed.effects, confirmed.unit)


def _arms(confirmed: Confirmed, verdict: Verdict) -> RenderableType:
    title = Text.assemble(
        ("Fresh seeds", "bold"), f": {', '.join(map(str, confirmed.seeds))}", ("; intervals of 95 %", NOTE)
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=NOTE)
    table.add_column("  arm", overflow="fold")
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column(_axis(verdict), no_wrap=True)
    table.add_column("gain over baseline", justify="right", no_wrap=True)
    table.add_column("P(better)", justify="right", no_wrap=True)
    for arm in confirmed.arms:
        if (estimate := verdict.scores.get(arm.name)) is None:
            table.add_row(Text(f"  {arm.name}"), Text("failed", style="red"))
            continue
        drawn = Text(_whiskers(estimate, *_range(verdict)), style="cyan")
        gain = verdict.comparisons.get(arm.name)
        table.add_row(_arm(arm, verdict), wording.number(estimate.mean), drawn, *_gain(gain, confirmed.unit))
    return Group(title, table)


def _arm(arm: Arm, verdict: Verdict) -> Text:
    note = f" ({', '.join(found)})" if (found := marks(arm.name, verdict)) else ""
    return Text.assemble(f"  {arm.name}", (note, NOTE))


def marks(name: str, verdict: Verdict) -> list[str]:
    """What an arm is besides: the winner, tied with it, the simplest of these."""
    holds = {
        "winner": name == verdict.winner.name,
        "tied": name in verdict.tied and name != verdict.winner.name,
        "simplest": name == verdict.simplest,
    }
    return [mark for mark, is_so in holds.items() if is_so]


def _gain(comparison: Comparison | None, unit: Unit) -> tuple[str, str]:
    if comparison is None:
        return "-", "-"
    return unit.gain(comparison.gain).replace(" points", ""), f"{comparison.test.probability_better:.3f}"


def _range(verdict: Verdict) -> tuple[float, float]:
    """One scale for all intervals."""
    ends = [end for score in verdict.scores.values() for end in _ends(score)]
    return min(ends), max(ends)


def _ends(estimate: Estimate) -> tuple[float, float]:
    interval = estimate.interval
    return (interval.low, interval.high) if interval else (estimate.mean, estimate.mean)


def _axis(verdict: Verdict) -> str:
    low, high = (wording.number(end) for end in _range(verdict))
    return f"{low}{high:>{max(len(high), _CELLS - len(low))}}"


def _whiskers(estimate: Estimate, low: float, high: float) -> str:
    """An interval with its mean, on a scale of _CELLS cells: "  ├───●──┤   "."""
    width = high - low or 1.0
    first, mean, last = (round((value - low) / width * (_CELLS - 1)) for value in _with_mean(estimate))
    cells = [" "] * _CELLS
    cells[first : last + 1] = "─" * (last + 1 - first)
    cells[first], cells[last] = "├", "┤"
    cells[mean] = "●"
    return "".join(cells)


def _with_mean(estimate: Estimate) -> tuple[float, float, float]:
    low, high = _ends(estimate)
    return low, min(max(estimate.mean, low), high), high


def _ablation(effects: Sequence[Effect], unit: Unit) -> RenderableType:
    """Each part in words, beside what it brings as a bar from zero."""
    title = Text.assemble(("Ablation", "bold"), ("; what each part of the winner brings, uncorrected", NOTE))
    largest = max((abs(effect.comparison.gain.mean) for effect in effects), default=0.0) or 1.0
    rows = Table.grid(padding=(0, 1))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for effect in effects:
        bar = Text(_bar(effect.comparison.gain.mean / largest), style="green" if effect.is_shown else NOTE)
        rows.add_row(bar, Text(effect.sentence(unit)))
    return Group(title, Padding(rows, (0, 0, 0, 2)))


def _bar(share: float, half: int = 6) -> str:
    """A bar to the right of a middle line for what helps, to its left for what harms."""
    length = round(abs(share) * half)
    left = "█" * length if share < 0 else ""
    right = "█" * length if share > 0 else ""
    return f"{left:>{half}}│{right:<{half}}"
