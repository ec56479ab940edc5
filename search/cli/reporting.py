"""What `autotune study report` does; imported only when it runs."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...spaces.errors import InputError
from ..confirmation.as_json import to_json as confirmation_json
from ..confirmation.reading import read_confirmation
from ..confirmation.result import Confirmed
from ..report.html.page import Origin, render_page
from ..report.records import records_of
from ..report.summary import Summary, summarize
from ..report.terminal import print_report
from ..roles import STARTED
from ..study import StudyRecord, while_stored
from ..versions import versions
from ..writing import write_text
from .consoles import output, tell
from .studying import echo
from .targets import opened


def report_command(target: str, storage: str | None, *, as_json: bool, page: Path | None) -> None:
    """What the study found, for people or for programs."""
    if page is not None and not page.parent.is_dir():
        raise InputError(f"--html: there is no folder {str(page.parent)!r}")
    record = opened(target, storage)
    summary, confirmed = read_facts(record)
    if as_json:
        echo({**summary.to_json(), "confirmation": confirmation_json(confirmed) if confirmed else None})
    elif page is None:
        print_report(summary, output(), confirmed)
    else:
        with while_stored(record):
            records, origin = records_of(record.study), _origin(record)
        write_text(page, render_page(summary, records, origin, confirmed))
        tell(f"wrote {page}: open it in a browser")


def read_facts(record: StudyRecord) -> tuple[Summary, Confirmed | None]:
    """What the search found, and what fresh trainings say of it, if there are any."""
    with while_stored(record), _uncollected():
        return summarize(record.study), read_confirmation(record)


@contextmanager
def _uncollected() -> Generator[None]:
    """Without garbage collection: to look through the objects of 1,000 trials takes as long as to read them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _origin(record: StudyRecord) -> Origin:
    made = f"autotune {record.study.user_attrs[STARTED]}"
    return Origin({"the study was made with": made, **versions()}, record.fingerprints)
