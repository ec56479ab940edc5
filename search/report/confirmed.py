"""The verdict on the terminal: in words, the arms as a table, the ablation as bars."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..confirmation.result import Confirmed
from ..confirmation.words import sentences
from ..safe_text import plain
from ..verdict.ablation import Effect
from ..verdict.units import Unit
from .arms import ArmsTable
from .trials import NOTE


def verdict_blocks(confirmed: Confirmed) -> Iterator[RenderableType]:
    """The verdict, its evidence, and the ablation of the winner."""
    first, *others = map(plain, sentences(confirmed))
    yield Group(Text.assemble(("Verdict ", "bold"), (first, "bold green")), *map(Text, others))
    if confirmed.verdict is not None:
        yield Group(_seeds(confirmed), ArmsTable(confirmed, confirmed.verdict))
    if confirmed.effects:
        yield _ablation(confirmed.effects, confirmed.unit)


def _seeds(confirmed: Confirmed) -> Text:
    levels = f"; intervals of 95 %{f', of gains {confirmed.gain_level}' if confirmed.looks else ''}"
    return Text.assemble(("Fresh seeds", "bold"), f": {', '.join(map(str, confirmed.seeds))}", (levels, NOTE))


def _ablation(effects: Sequence[Effect], unit: Unit) -> RenderableType:
    """Each part in words, beside what it brings as a bar from zero."""
    title = Text.assemble(("Ablation", "bold"), ("; the effect of each part of the winner, uncorrected", NOTE))
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
