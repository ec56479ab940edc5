"""A study file from the data: read the rows, choose tasks, check them, write."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...objectives.data.encodings import known_encoding
from ...objectives.data.folders import files_of
from ...objectives.data.loading import load_table
from ...objectives.data.sources import Kind, Source, resolve_source
from ...objectives.data.table import Table
from ...objectives.settings import DataSettings
from ...spaces.errors import DataError, InputError
from ..study_file.reading import is_study_file, parse_study_file
from ..study_file.schema import StudyFile
from ..study_file.yaml_document import write_line
from ..writing import check_new, write_text
from .checking import Checked, checked
from .choosing import choose
from .columns import ALIKE, EMPTY, Column, Form, describe
from .exports import export_told
from .finding import Chosen
from .headers import without_names
from .names import ANSWERS, plain_name
from .objectives import measured
from .siblings import HELD_OUT, beside, has_latin_name, other_splits, study_name, training_file, written_path
from .writing import study_text

_MOST_TOLD = 20
"""Columns that a message lists."""
_NAMELESS = "the data's name has no Latin letters or digits; give the study another name in the file, if you like"
_VERDICTS = {"accept", "reject", "ignore"}
"""What an annotator says in Prodigy, in its column `answer`."""
_BY_LABELS = {"classification", "regression"}
"""Where the labels of these are no good, no other kind makes them better."""


@dataclass(frozen=True)
class Started:
    """A study file that was written, and how it came about."""

    file: StudyFile
    checked: Checked
    source: Source
    """Of the training rows: the data that was named, or a file in a folder that was."""
    named: str = ""
    """How the study got its name, where that is not the data's."""
    files: Sequence[str] = ()
    """Those that the rows are read from, where the data is a folder of files."""
    splits: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those of a folder that are not used, with what to write for their rows."""


def start_study(data: str, destination: Path, kind: str | None = None, encoding: str | None = None) -> Started:
    """Write a study file for some data; `study create` takes it as it is.

    Args:
        data: what `data.train` may be, from the current folder.
        destination: the file to write; its folder is what its paths are relative to.
        kind: of the main task; None: what the columns look most like.
        encoding: of the data's text files; None: UTF-8.

    Raises:
        InputError: the file is there already, the data cannot be read, or no task can be made of it. Nothing is
            written then.
    """
    if not is_study_file(destination):
        raise InputError(f"--output: {str(destination)!r}: a study file's name ends in .yaml")
    check_new(destination, "--output")
    source = replace(training_file(resolve_source(data, Path())), encoding=_checked_encoding(encoding))
    table = _table(source)
    export = export_told(source) if table.faults else ""
    columns = [_without_verdict(column) if export else column for column in describe(table)]
    plan = choose(columns, kind)
    note = "; ".join(filter(None, [without_names(source, table), export]))
    if plan is None:
        raise DataError("\n".join(filter(None, [_nothing(table, columns, kind, export), without_names(source, table)])))
    folder = destination.parent
    try:
        found = checked(plan.noted(note), _rows(source, folder), folder)
    except DataError as error:
        raise DataError("\n".join([str(error), *_behind(plan.tasks[0], data, kind)])) from None
    plan = found.plan.led_by(measured(found.plan.tasks[0], table))
    found = replace(found, plan=plan, refused={**found.refused, **dict(_passed_over(source, folder))})
    named = "" if has_latin_name(source) else _NAMELESS
    text = study_text(study_name(source), found, len(table), named)
    file = parse_study_file(text, str(destination))
    write_text(destination, text)
    splits = {kind: write_line({kind: written_path(split, folder)})[1:-1] for kind, split in other_splits(source)}
    return Started(file, found, source, named, _files(source), splits)


def _files(source: Source) -> Sequence[str]:
    if source.kind is not Kind.FOLDER:
        return ()
    return [str(file.relative_to(source.place)) for file in files_of(source)]


def _checked_encoding(name: str | None) -> str | None:
    try:
        return None if name is None else known_encoding(name)
    except ValueError as error:
        raise InputError(f"--encoding: {error}") from None


def _table(source: Source) -> Table:
    try:
        return load_table(source)
    except DataError as error:
        if isinstance(error.__cause__, UnicodeDecodeError) and source.encoding is None:
            raise DataError(f"{error}\nWith --encoding NAME, init reads the data so, and writes that line.") from None
        raise DataError("\n".join(filter(None, [str(error), export_told(source)]))) from None


def _without_verdict(column: Column) -> Column:
    """A column of an export of spans, which is nothing to learn where it only says whether these are right."""
    if plain_name(column.name) != "answer" or not {*map(str.lower, column.counts)} <= _VERDICTS:
        return column
    return replace(column, form=Form.USELESS, told=f"an annotator's verdict on the row: {column.told}")


def _rows(source: Source, folder: Path) -> DataSettings:
    """The rows, and the files beside them that hold validation and test rows."""
    held = {kind: files[0] for kind in HELD_OUT if (files := _held_out(source, kind, folder))}
    return DataSettings.model_validate({"train": written_path(source, folder), "encoding": source.encoding, **held})


def _held_out(source: Source, kind: str, folder: Path) -> list[str]:
    return [written_path(found, folder) for found in beside(source, kind)]


def _passed_over(source: Source, folder: Path) -> Iterator[tuple[str, str]]:
    """Further files beside that could hold the rows of a kind, and how to take these."""
    for kind in HELD_OUT:
        for file in (files := _held_out(source, kind, folder))[1:]:
            yield file, f"{files[0]!r} comes first; for these rows instead, write `{kind}: {file}` under data"


def _nothing(table: Table, columns: Sequence[Column], kind: str | None, export: str) -> str:
    wanted = f"no {kind} task can be made of its columns" if kind else "no column can be the text, or none its answer"
    told = [f"  {column.name!r}: {column.told}" for column in columns[:_MOST_TOLD]]
    more = [f"  and {len(columns) - _MOST_TOLD} more"] if len(columns) > _MOST_TOLD else []
    hint = [table.hint] if table.hint else []
    end = export or _lone(columns) or _way_out(table.source)
    return "\n".join([f"{table.source}: {wanted}", *told, *more, *hint, end])


def _lone(columns: Sequence[Column]) -> str:
    """That a column named like an answer has one label, which no other kind of task mends; empty where none has."""
    found = [column.name for column in columns if plain_name(column.name) in ANSWERS and column.told in (EMPTY, ALIKE)]
    return (
        f"There is nothing to learn from column {found[0]!r}: a task needs rows of two labels or more" if found else ""
    )


def _behind(main: Chosen, data: str, kind: str | None) -> Iterator[str]:
    """What a main task that cannot be trained on was taken for, and what to do where that may be a mistake of ours."""
    for column in main.answers[:1]:
        read = " and ".join(map(repr, main.reading.values()))
        yield f"The main task was to be {main.settings['kind']} of text {read} by column {column!r}: {main.why}"
    if kind is None and main.settings["kind"] not in _BY_LABELS:
        yield _way_out(data)


def _way_out(data: str) -> str:
    return (
        "Ask for another kind with --task (masked_lm needs no labels), or name the columns in a file of your own: "
        f"`data: {{train: {data}}}` and `tasks: {{main: {{kind: classification, text: COLUMN, label: COLUMN}}}}`"
    )
