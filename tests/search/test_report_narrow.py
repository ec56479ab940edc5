"""The verdict's table and the live view on terminals of every width: no name and no figure is ever cut."""

import io
import math
from collections.abc import Iterable

import pytest
from autotune.search.confirmation.result import Confirmed
from autotune.search.report.arms import ArmsTable
from autotune.search.report.confirmed import verdict_blocks
from autotune.search.report.frame import draw
from autotune.search.report.progress import RunProgress
from autotune.spaces.configuration import Configuration
from rich.console import Console, RenderableType

from .confirmed import BASELINE, BETTER, confirmed

FIGURES = ["0.7967", "0.8367", "+4.0 (3.2 to 4.8)", "0.992", "0.7000", "-9.7 (-10.5 to -8.3)", "0.008"]
SMALL = ["3.100e-05", "1.100e-05", "4.050e-05", "+2e-05"]


def errors() -> Confirmed:
    """Small errors, whose figures are the widest there are."""
    baseline, winner, other = ([1e-5 * (mean + step / 50) for step in range(-3, 4)] for mean in (3.1, 1.1, 4.05))
    return confirmed(baseline, winner, other[::-1], parts={}, maximize=False)


def lines_of(blocks: Iterable[RenderableType], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for block in blocks:
        console.print(block)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def arms_of(found: Confirmed, width: int) -> list[str]:
    assert found.verdict is not None
    return lines_of([ArmsTable(found, found.verdict)], width)


@pytest.mark.parametrize("width", [20, 40, 56, 60, 64, 68, 72, 80, 100])
@pytest.mark.parametrize(("found", "figures"), [(confirmed(winner=BETTER), FIGURES), (errors(), SMALL)])
def test_names_and_figures_are_whole_at_every_width(found: Confirmed, figures: list[str], width: int) -> None:
    lines = arms_of(found, width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    for name in ("baseline", "trial 2", "trial 5"):
        assert [line for line in lines if line.startswith(f"  {name}")], name
    words = " ".join(lines).split()
    for figure in figures:
        assert set(figure.split()) <= {word.rstrip(",") for word in words}, figure


def test_where_there_is_room_the_intervals_are_drawn() -> None:
    assert arms_of(confirmed(), 80) == [
        "  arm                   mean  0.7000     0.8550    gain over baseline  P(better)",
        "  baseline            0.7967           ├●┤                          -          -",
        "  trial 2 (winner,    0.8367               ├●─┤     +4.0 (3.2 to 4.8)      0.992",
        "  simplest)",
        "  trial 5             0.7000  ●                  -9.7 (-10.5 to -8.3)      0.008",
    ]


def test_without_that_room_the_figures_stay_a_table() -> None:
    assert arms_of(confirmed(), 60) == [
        "  arm                  mean    gain over baseline  P(better)",
        "  baseline           0.7967                     -          -",
        "  trial 2 (winner,   0.8367     +4.0 (3.2 to 4.8)      0.992",
        "  simplest)",
        "  trial 5            0.7000  -9.7 (-10.5 to -8.3)      0.008",
    ]


def test_on_the_narrowest_the_figures_are_below_the_name() -> None:
    assert arms_of(confirmed(other=(math.nan,) * 6), 40) == [
        "  baseline",
        "    mean 0.7967",
        "  trial 2 (winner, simplest)",
        "    mean 0.8367, gain over baseline +4.0",
        "    (3.2 to 4.8), P(better) 0.992",
        "  trial 5",
        "    failed",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_whole_verdict_fits(width: int) -> None:
    lines = lines_of(verdict_blocks(confirmed()), width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    assert "  trial 2 (winner," in "\n".join(lines)


@pytest.mark.parametrize("width", [60, 80])
def test_an_arm_that_failed_has_no_figures(width: int) -> None:
    *_, last = arms_of(confirmed(other=(math.nan,) * 6), width)
    assert last.split() == ["trial", "5", "failed"]


def test_the_ends_of_the_scale_are_apart() -> None:
    head, *_ = arms_of(errors(), 120)
    assert head.split()[2:4] == ["1.060e-05", "4.090e-05"]


def test_equal_arms_can_be_shown_too() -> None:
    assert len(arms_of(confirmed(BASELINE, BASELINE, BASELINE), 100)) == 4


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize(("value", "written"), [(0.9, "0.9000"), (1.234e-5, "1.234e-05")])
def test_a_running_trial_is_whole_in_the_live_view(value: float, written: str, width: int) -> None:
    progress = RunProgress(total=10, max_steps=132, slots=1)
    progress.start(0, "baseline", Configuration(learning_rate=1e-4))
    for step in range(20):
        progress.evaluate(0, step, value)
    row = lines_of([draw(progress, width, 20)], width)[-1]
    assert row.split()[:4] == ["baseline", "0", "19/132", written]
    assert "…" not in row
