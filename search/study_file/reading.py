"""Reading a study file, and telling two of them apart."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ...spaces.errors import StudyFileError
from .document import Document
from .mistakes import all_mistakes
from .rules import Rules
from .schema import StudyFile, default_name, json_schema
from .values import key_shown, shown
from .yaml_document import read_document

M = TypeVar("M", bound=BaseModel)


def read_study_file(path: Path) -> StudyFile:
    """Read and check a study file.

    Raises:
        StudyFileError: it cannot be read, or something in it is wrong; the message lists every mistake, one a line.
    """
    return parse_study_file(read_text(path, "a study file"), str(path), default_name(path.name))


def read_text(path: Path, what: str) -> str:
    """The text of a file that is `what`.

    Raises:
        StudyFileError: it cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StudyFileError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise StudyFileError(f"{path}: is a folder, not {what}") from None
    except OSError as error:
        raise StudyFileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyFileError(
            f"{path}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8"
        ) from None


def parse_study_file(text: str, name: str, study_name: str | None = None) -> StudyFile:
    """Check the text of a study file.

    Args:
        text: YAML.
        name: what messages call the file.
        study_name: the study's name where the text has none.

    Raises:
        StudyFileError: something in it is wrong; the message lists every mistake, one a line.
    """
    document = read_document(text, name)
    defaults = {} if study_name is None else {"name": study_name}
    return checked(document, StudyFile, _rules(), name, defaults)


def checked(document: Document, model: type[M], rules: Rules, name: str, defaults: Mapping[str, object]) -> M:
    """The document as a value of the model.

    Raises:
        StudyFileError: something in it is wrong; the message lists every mistake, one a line.
    """
    found, error = None, None
    try:
        found = model.model_validate({**defaults, **document.values})
    except ValidationError as wrong:
        error = wrong
    mistakes = all_mistakes(document, rules, error)
    if found is None or mistakes:
        raise StudyFileError("\n".join(mistake.told(name) for mistake in mistakes))
    return found


@cache
def _rules() -> Rules:
    return Rules(json_schema())


def changed_keys(old: StudyFile, new: StudyFile) -> list[str]:
    """What differs: `search.trials: 60 -> 80`, by dotted key, in the file's order."""
    found = list(_changes(old.model_dump(mode="json"), new.model_dump(mode="json"), ""))
    if set(old.tasks) == set(new.tasks) and list(old.tasks) != list(new.tasks):
        found.append(f"tasks: {', '.join(old.tasks)} -> {', '.join(new.tasks)} (the first is the main task)")
    return found


def _changes(old: Mapping[str, object], new: Mapping[str, object], prefix: str) -> Iterator[str]:
    for key in {**old, **new}:
        name = f"{prefix}{key_shown(key)}"
        if key not in new:
            yield f"{name}: {shown(old[key])} -> removed"
        elif key not in old:
            yield f"{name}: added, {shown(new[key])}"
        else:
            before, after = old[key], new[key]
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from _changes(before, after, f"{name}.")
            elif before != after:
                yield f"{name}: {shown(before)} -> {shown(after)}"
