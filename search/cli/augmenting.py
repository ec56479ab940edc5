"""What `autotune augment` does; imported only when it runs."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from ..augmenting import Rewritten, Sample, augment, meaning
from ..differences import Span, difference
from ..safe_text import printable
from .consoles import echo, output, tell, tell_beside
from .shown import shortened

_UNCHANGED = "(unchanged)"
_REFUSED = "(refused: a trial trains on the original)"


def augment_command(
    file: str,
    operations: Sequence[str],
    magnitude: float,
    rows: int,
    seed: int | None,
    text: str | None,
    label: str | None,
    *,
    as_json: bool,
) -> None:
    """Print rows before and after: side by side on a terminal, below each other elsewhere, or as JSON."""
    sample = augment(file, operations, magnitude, rows, seed, text, label)
    if as_json:
        echo([row.to_json(magnitude) for row in sample.rows])
        for note in sample.notes:
            tell_beside(note)
        return
    console = output()
    # Without styles, as on a dumb terminal, a changed word would look like any other.
    side_by_side = console.is_terminal and console.color_system is not None
    for operation, group in groupby(sample.rows, lambda row: row.operation):
        title = Text.assemble((f"{operation}, magnitude {magnitude:g}", "bold"), f" ({meaning(operation)})")
        console.print(title, soft_wrap=not side_by_side)
        if side_by_side:
            console.print(_table(list(group), sample))
        else:
            _print_lines(group, sample)
        tell("")
    for note in sample.notes:
        tell(note)


def _table(rows: Sequence[Rewritten], sample: Sample) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column(sample.unit, justify="right", no_wrap=True)
    table.add_column("original", ratio=1, overflow="fold")
    table.add_column("augmented", ratio=1, overflow="fold")
    labelled = any(row.original.label is not None for row in rows)
    if labelled:
        table.add_column("label", overflow="fold", max_width=24)
    for row in rows:
        before, after = _sides(row)
        cells = [Text(str(row.line), "dim"), _styled(before, "red"), _styled(after, "green") or _verdict(row)]
        table.add_row(*cells, *([Text(_label(row))] if labelled else []))
    return table


def _print_lines(rows: Iterable[Rewritten], sample: Sample) -> None:
    """Changed words stand in the marks of `git diff --word-diff`."""
    for row in rows:
        before, after = _sides(row)
        label = "" if row.original.label is None else f"  {_label(row)}"
        new = _marked(after, "{+", "+}") or _verdict(row).plain
        lines = [
            f"{sample.unit} {row.line}{label}",
            f"  original   {_marked(before, '[-', '-]')}",
            f"  augmented  {new}",
        ]
        output().print(Text("\n".join(lines)), soft_wrap=True)


def _sides(row: Rewritten) -> tuple[list[Span], list[Span]]:
    """Both sides, safe and short enough to be shown; the second is empty where there is nothing new."""
    is_new = row.augmented is not None and row.augmented != row.original
    before, after = list[Span](), list[Span]()
    for old, new in row.texts:
        found = difference(old, new) if is_new and new is not None else None
        for side, spans in ((before, found.before if found else [Span(old)]), (after, found.after if found else [])):
            gap = [Span(" | ")] if side and spans else []
            side += [*gap, *shortened([Span(printable(span.text), span.changed) for span in spans])]
    return before, after


def _verdict(row: Rewritten) -> Text:
    return Text(_REFUSED, "yellow") if row.augmented is None else Text(_UNCHANGED, "dim")


def _styled(spans: Sequence[Span], colour: str) -> Text:
    """Bold and underlined beside the colour, for who sees none."""
    return Text.assemble(*((span.text, f"bold underline {colour}" if span.changed else "") for span in spans))


def _marked(spans: Sequence[Span], opening: str, closing: str) -> str:
    return "".join(f"{opening}{span.text}{closing}" if span.changed else span.text for span in spans)


def _label(row: Rewritten) -> str:
    old, new = (printable(found.label or "") if found else "" for found in (row.original, row.augmented))
    return old if row.augmented is None or old == new else f"{old} → {new}"
