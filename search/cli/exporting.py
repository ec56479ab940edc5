"""What `study export` does; imported only when it runs."""

from pathlib import Path

from ...spaces.errors import InputError
from ..confirmation.reading import read_confirmation
from ..export.chosen import choose
from ..export.exporting import export_of, is_export, render
from ..export.formats import Format
from ..production.unchanged import changes
from ..study import while_stored
from ..wording import number
from ..writing import check_replaced, write_text
from .consoles import tell
from .targets import opened, tell_of_a_copy


def export_command(target: str, storage: str | None, destination: Path, style: Format, trial: int | None) -> None:
    """Write the best configuration, or a trial's; an export of that name is replaced when the new one is whole."""
    if not destination.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(destination.parent)!r}")
    check_replaced(destination, "--output", "an export", is_export)
    record = opened(target, storage, reading=True)
    tell_of_a_copy(target, record)
    with while_stored(record):
        confirmed = read_confirmation(record)
        chosen = choose(record, confirmed, trial)
        best = export_of(record, confirmed, chosen, destination.parent, destination.name)
    write_text(destination, render(best, style))
    # Beside what fresh seeds say, the search's own value would only promise too much.
    values = {} if best.confirmed else best.found.values
    tell(f"wrote {destination}: {chosen.name}{''.join(f', {name} {number(value)}' for name, value in values.items())}")
    for reason in chosen.reasons:
        tell(reason)
    for _, change in changes(best, destination.parent):
        tell(f"warning: autotune train and verify will refuse it: {change}", "yellow")
