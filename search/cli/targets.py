"""Arguments of commands: a study by name or file, a duration."""

import os
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ...spaces.errors import InputError
from ..settings import Duration
from ..storage import parsed, storage_url
from ..study import StudyRecord, is_ready, open_study
from ..study_file.reading import is_study_file, read_study_file
from ..study_file.schema import StudyFile
from .consoles import tell


def opened(target: str, storage: str | None, *, reading: bool = False) -> StudyRecord:
    """The stored study that a name or a study file means; a file's own folder counts, as studies may be moved.

    With `reading` nothing can be written into it.
    """
    file, path = file_of(target, is_stored=True)
    record = open_study(file.name if file else target, url_of(storage, file, path), reading=reading)
    return record if path is None else replace(record, path=path)


def tell_of_a_copy(target: str, record: StudyRecord) -> None:
    """Say whose files are used, where a study that was named has another file of its name here: a copied project."""
    here = Path(record.path.name)
    if is_study_file(Path(target)) or not here.is_file() or not os.access(record.path, os.R_OK):
        return
    if not here.samefile(record.path):
        tell(
            f"the files of this study are those in {record.folder}; for those here give the study file, {here}, "
            "instead of the name",
            "yellow",
        )


def file_of(target: str, *, is_stored: bool = False) -> tuple[StudyFile | None, Path | None]:
    """The study file that a target is, and where; None and None for a name. See `read_study_file`."""
    path = Path(target)
    if not is_study_file(path):
        return None, None
    return read_study_file(path, is_stored=is_stored), path


def url_of(storage: str | None, file: StudyFile | None, path: Path | None) -> str:
    """Where a study is stored: one of a file, or of a name; `storage` is the command's option.

    Earlier versions took a relative path in a study file from the working folder: a study that is only there is found.
    """
    url = storage_url(storage, file.storage if file else None, path.parent if path else Path())
    if file is None or file.storage in (None, url) or url == storage_url(storage, None):
        return url
    is_there = Path(parsed(file.storage).database or "").is_file()
    return file.storage if is_there and not is_ready(file.name, url) and is_ready(file.name, file.storage) else url


def seconds(timeout: str | None) -> float | None:
    """What `--timeout` says. InputError if it is not a duration."""
    if timeout is None:
        return None
    try:
        return TypeAdapter[float](Duration).validate_python(timeout)
    except ValidationError as error:
        raise InputError(f"--timeout: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
