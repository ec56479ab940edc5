"""The report's part on data: cleaning and augmentation before the search."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...objectives.data.cleaning import Finding
from ..safe_text import plain
from ..summary.summary import Summary
from .trials import NOTE

_STYLES = {"dropped": "yellow", "repaired": "cyan", "noted": NOTE}


def data_blocks(summary: Summary) -> Iterator[RenderableType]:
    """The findings as a table; then which operations change labels, and which were left out."""
    if summary.findings:
        yield Group(Text("Data, before the search", style="bold"), findings_table(summary.findings))
    lines = list(operation_lines(summary))
    if lines:
        yield Group(*lines)


def findings_table(findings: tuple[Finding, ...]) -> Table:
    """What was done, how often, to what, and below it the first example; texts from the user's files come literally.

    The example has no column of its own, so that there is room for all at 40 cells.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=NOTE)
    table.add_column("  done", no_wrap=True)
    table.add_column("how many", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for finding in findings:
        done = Text(f"  {finding.action}", style=_STYLES.get(finding.action, ""))
        example = f"\ne.g. {plain(finding.examples[0])}" if finding.examples else ""
        table.add_row(done, str(finding.count), Text.assemble(plain(finding.what), (example, NOTE)))
    return table


def operation_lines(summary: Summary) -> Iterator[Text]:
    """Which operations change labels, and which were left out and why."""
    if changing := summary.augmentation.label_changing:
        yield Text.assemble(("Augmentation", "bold"), f" that changes labels: {', '.join(changing)}")
    for name, reason in summary.augmentation.dropped.items():
        yield Text(f"{name} was left out (on_missing: drop): {plain(reason)}", style="yellow")
