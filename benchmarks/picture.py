"""Draws a study's report as the picture in the README.

python benchmarks/picture.py sqlite:///demo/autotune.db quickstart docs/report.svg
"""

import io
import re
import sys
from pathlib import Path

from autotune.search.report.terminal import print_report
from autotune.search.study import open_study
from autotune.search.summary.summarizing import summarize
from rich.console import Console

WIDTH = 92


def draw(url: str, name: str, picture: Path) -> None:
    """Write what `autotune study report` prints on a terminal as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    print_report(summarize(open_study(name, url).study), console, confirmed=None)
    svg = console.export_svg(title=f"autotune study report {name}")
    # Rich names a font on the net; the reader's own monospaced one serves.
    picture.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    url, name, picture = sys.argv[1:]
    draw(url, name, Path(picture))
