"""What `autotune init` does; imported only when it runs."""

import shlex
from pathlib import Path

from ...objectives.tasks.names import Kind
from ..starting.finding import Chosen
from ..starting.starting import Started, start_study
from ..starting.writing import MOST_GROUPS
from ..wording import counted
from .consoles import tell

_MOST = 10
"""Columns left out that are told one by one."""
_MOST_FILES = 5
"""Files of a folder that are named."""


def init_command(data: str, destination: Path, kind: Kind | None, encoding: str | None) -> None:
    """Write a study file for some data, and tell what was chosen and what was not."""
    started = start_study(data, destination, kind, encoding)
    main, *auxiliaries = started.checked.plan.tasks
    tell(f"{started.file.name}: {started.file.objective}", "bold")
    if started.named:
        tell(f"study {started.file.name}: {started.named}")
    tell(f"main task {_told(main)}")
    for task in auxiliaries:
        tell(f"auxiliary {_told(task)}")
    if started.source.text != data:
        tell(f"training: {started.file.data.train}")
    if files := started.files:
        shown = ", ".join(files[:_MOST_FILES]) + ", …" * (len(files) > _MOST_FILES)
        tell(f"reads {counted(len(files), 'file')}: {shown}")
    _tell_rest(started)
    tell(f"wrote {destination}. Check it: autotune study create {shlex.quote(str(destination))}")


def _told(task: Chosen) -> str:
    columns = ", ".join(f"{key} {value!r}" for key, value in task.settings.items() if key != "kind")
    return f"{task.name}: {task.settings['kind']}, {columns} ({task.why})"


def _tell_rest(started: Started) -> None:
    data = started.file.data
    if data.folds is None:
        held = data.validation if isinstance(data.validation, str) else f"{data.validation:g} of the rows"
        tell(f"validation: {held}{f'; test: {data.test}' if data.test else ''}")
    left_out = started.checked.plan.left_out
    for name, why in list(left_out.items())[:_MOST]:
        tell(f"left out: column {name!r}: {why}")
    if len(left_out) > _MOST:
        tell(f"left out: {len(left_out) - _MOST} more columns")
    for name, told in list(started.checked.plan.groups.items())[:MOST_GROUPS]:
        why = f"if rows of one belong together, set data.group: {name}, so that none are on both sides of the split"
        tell(f"{name!r} repeats ({told}): {why}", "yellow")
    for name, line in started.splits.items():
        how = "in place of that under data" if name == "validation" else "under data"
        tell(f"left out: split {name!r}: for these rows, write `{line}` {how}", "yellow")
    for name, why in started.checked.refused.items():
        for line in f"left out: file {name!r}: {why}".splitlines():
            tell(line, "yellow")
