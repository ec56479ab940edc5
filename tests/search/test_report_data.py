"""What was done to the data, on the terminal: all facts at every width."""

import io

import pytest
from autotune.search.report.terminal import print_report
from autotune.search.summary.summarizing import summarize
from rich.console import Console

from .built import BuiltStudy

LEAK = "reviews.csv: text also in validation or test data"
EXAMPLE = "The battery of this phone lasts two days, and its screen is bright enough outside"
CLEANING = [
    {"what": LEAK, "count": 12345, "examples": [EXAMPLE], "action": "dropped"},
    {"what": "reviews.csv: doubled header", "count": 1, "examples": [], "action": "repaired"},
]


def shown(width: int) -> list[str]:
    """The lines of the table and its heading."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_report(summarize(BuiltStudy(cleaning=CLEANING).study), console, confirmed=None)
    assert isinstance(console.file, io.StringIO)
    block = console.file.getvalue().partition("Data, before the search\n")[2].partition("\n\n")[0]
    return [line.rstrip() for line in block.splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_every_finding_is_whole_at_every_width(width: int) -> None:
    head, *lines = shown(width)
    assert head.split() == ["done", "how", "many", "what"]
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split()).split()
    assert words == f"dropped 12345 {LEAK} e.g. {EXAMPLE} repaired 1 reviews.csv: doubled header".split()


@pytest.mark.parametrize("width", [80, 100])
def test_what_was_found_fits_on_one_line(width: int) -> None:
    assert shown(width)[1] == f"  dropped      12345  {LEAK}"
