"""A study file from the data: read the rows, choose tasks, check them, write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...objectives.data.loading import load_table
from ...objectives.data.sources import Source, resolve_source
from ...objectives.data.table import Table
from ...objectives.settings import DataSettings
from ...spaces.errors import DataError, InputError
from ..study_file.reading import is_study_file, parse_study_file
from ..study_file.schema import StudyFile
from ..writing import check_new, write_text
from .checking import Checked, checked
from .choosing import choose
from .columns import ALIKE, EMPTY, Column, describe
from .finding import Chosen
from .headers import without_names
from .names import ANSWERS, plain_name
from .objectives import measured
from .siblings import beside, study_name, training_file, written_path
from .writing import study_text

_MOST_TOLD = 20
"""Columns that a message lists."""
_BY_LABELS = {"classification", "regression"}
"""Where the labels of these are no good, no other kind makes them better."""


@dataclass(frozen=True)
class Started:
    """A study file that was written, and how it came about."""

    file: StudyFile
    checked: Checked
    source: Source
    """Of the training rows: the data that was named, or a file in a folder that was."""


def start_study(data: str, destination: Path, kind: str | None = None) -> Started:
    """Write a study file for some data; `study create` takes it as it is.

    Args:
        data: what `data.train` may be, from the current folder.
        destination: the file to write; its folder is what its paths are relative to.
        kind: of the main task; None: what the columns look most like.

    Raises:
        InputError: the file is there already, the data cannot be read, or no task can be made of it. Nothing is
            written then.
    """
    if not is_study_file(destination):
        raise InputError(f"--output: {str(destination)!r}: a study file's name ends in .yaml")
    check_new(destination, "--output")
    source = training_file(resolve_source(data, Path()))
    table = load_table(source)
    columns = describe(table)
    plan = choose(columns, kind)
    note = without_names(source, table)
    if plan is None:
        raise DataError("\n".join(filter(None, [_nothing(table, columns, kind), note])))
    folder = destination.parent
    try:
        found = checked(plan.noted(note), _rows(source, folder), folder)
    except DataError as error:
        raise DataError("\n".join([str(error), *_behind(plan.tasks[0], data, kind)])) from None
    found = replace(found, plan=found.plan.led_by(measured(found.plan.tasks[0], table)))
    text = study_text(study_name(source), found, len(table))
    file = parse_study_file(text, str(destination))
    write_text(destination, text)
    return Started(file, found, source)


def _rows(source: Source, folder: Path) -> DataSettings:
    """The rows, and the files beside them that hold validation and test rows."""
    held = {kind: written_path(found, folder) for kind in ("validation", "test") for found in _first(source, kind)}
    return DataSettings.model_validate({"train": written_path(source, folder), **held})


def _first(source: Source, kind: str) -> Sequence[Source]:
    return [*beside(source, kind)][:1]


def _nothing(table: Table, columns: Sequence[Column], kind: str | None) -> str:
    wanted = f"no {kind} task can be made of its columns" if kind else "no column can be the text, or none its answer"
    told = [f"  {column.name!r}: {column.told}" for column in columns[:_MOST_TOLD]]
    more = [f"  and {len(columns) - _MOST_TOLD} more"] if len(columns) > _MOST_TOLD else []
    hint = [table.hint] if table.hint else []
    return "\n".join([f"{table.source}: {wanted}", *told, *more, *hint, _lone(columns) or _way_out(table.source)])


def _lone(columns: Sequence[Column]) -> str:
    """That a column named like an answer has one label, which no other kind of task mends; empty where none has."""
    found = [column.name for column in columns if plain_name(column.name) in ANSWERS and column.told in (EMPTY, ALIKE)]
    return (
        f"There is nothing to learn from column {found[0]!r}: a task needs rows of two labels or more" if found else ""
    )


def _behind(main: Chosen, data: str, kind: str | None) -> Iterator[str]:
    """What a main task that cannot be trained on was taken for, and what to do where that may be a mistake of ours."""
    for column in main.answers[:1]:
        yield f"The main task was to be {main.settings['kind']} by column {column!r}: {main.why}"
    if kind is None and main.settings["kind"] not in _BY_LABELS:
        yield _way_out(data)


def _way_out(data: str) -> str:
    return (
        "Ask for another kind with --task (masked_lm needs no labels), or name the columns in a file of your own: "
        f"`data: {{train: {data}}}` and `tasks: {{main: {{kind: classification, text: COLUMN, label: COLUMN}}}}`"
    )
