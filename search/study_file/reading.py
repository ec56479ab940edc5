"""Reading a study file, and telling two of them apart."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from ...spaces.errors import StudyFileError
from .mistakes import all_mistakes
from .rules import Rules
from .schema import StudyFile, json_schema
from .values import key_shown, shown
from .yaml_document import read_document


def read_study_file(path: Path) -> StudyFile:
    """Read and check a study file.

    Raises:
        StudyFileError: it cannot be read, or something in it is wrong; the message lists every mistake, one a line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StudyFileError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise StudyFileError(f"{path}: is a folder, not a study file") from None
    except OSError as error:
        raise StudyFileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise StudyFileError(
            f"{path}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8"
        ) from None
    return parse_study_file(text, str(path))


def parse_study_file(text: str, name: str) -> StudyFile:
    """Check the text of a study file.

    Args:
        text: YAML.
        name: what messages call the file.

    Raises:
        StudyFileError: something in it is wrong; the message lists every mistake, one a line.
    """
    document = read_document(text, name)
    study, error = None, None
    try:
        study = StudyFile.model_validate(document.values)
    except ValidationError as wrong:
        error = wrong
    mistakes = all_mistakes(document, _rules(), error)
    if study is None or mistakes:
        raise StudyFileError("\n".join(mistake.told(name) for mistake in mistakes))
    return study


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
