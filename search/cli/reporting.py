"""What `autotune study report` does; imported only when it runs."""

import importlib
import shlex
import sys
from pathlib import Path

from ...spaces.errors import InputError
from ..confirmation.as_json import to_json as confirmation_json
from ..confirmation.reading import read_confirmation
from ..confirmation.result import Confirmed
from ..packages import packages
from ..pruners import pruner_of
from ..report.records import records_of
from ..report.terminal import print_report
from ..roles import STARTED
from ..storage import is_placeless
from ..study import StudyRecord, while_stored
from ..summary.summarizing import summarize
from ..summary.summary import Summary
from ..writing import check_replaced, write_text
from .consoles import echo, output, tell
from .targets import opened

_FOREST = "sklearn.ensemble"
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="autotune study report">
"""
"""How a page begins (search/report/html/page.html): no other file may be replaced by one."""


def report_command(target: str, storage: str | None, *, as_json: bool, page: Path | None) -> None:
    """What the study found, for people or for programs."""
    if page is not None and not page.parent.is_dir():
        raise InputError(f"--html: there is no folder {str(page.parent)!r}")
    if page is not None:
        check_replaced(page, "--html", "such a page", lambda beginning: beginning.lstrip().startswith(_PAGE))
    _import_importances()
    record = opened(target, storage, reading=True)
    summary, confirmed = read_facts(record)
    if as_json:
        echo({**summary.to_json(), "confirmation": confirmation_json(confirmed) if confirmed else None})
    elif page is None:
        print_report(summary, output(), confirmed)
    else:
        write_text(page, _rendered(record, summary, confirmed))
        tell(f"wrote {page}: open it in a browser")


def _import_importances() -> None:
    """Import Optuna's importances without scikit-learn.

    Only an evaluator that no report uses needs it, Optuna can do without, and importing it takes as long as all else.
    """
    if _FOREST in sys.modules:
        return
    sys.modules[_FOREST] = None  # pyright: ignore[reportArgumentType]  # it cannot be imported
    try:
        importlib.import_module("optuna.importance")
    finally:
        del sys.modules[_FOREST]


def read_facts(record: StudyRecord) -> tuple[Summary, Confirmed | None]:
    """What the search found, and what fresh trainings say of it, if there are any."""
    with while_stored(record):
        return summarize(record.study), read_confirmation(record)


def _rendered(record: StudyRecord, summary: Summary, confirmed: Confirmed | None) -> str:
    from ..report.html.page import Origin, render_page  # here, as reports on a terminal need none of it

    with while_stored(record):
        paired = record.file.data.folds is not None and pruner_of(record.file) == "wilcoxon"
        records, made = records_of(record.study, paired=paired), f"autotune {record.study.user_attrs[STARTED]}"
        # A page is handed on: where a database lies, and who may ask it, is left out.
        called = record.called if is_placeless(record.url) else f"{shlex.quote(record.name)} --storage URL"
    origin = Origin({"the study was made with": made, **packages()}, record.fingerprints, called)
    return render_page(summary, records, origin, confirmed)
