"""Reading a study file, and comparing two of them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...spaces.errors import StudyFileError
from .document import Document, Place, refusal, without
from .mistakes import all_mistakes
from .rules import Rules
from .schema import StudyFile, default_name, json_schema
from .values import key_shown, shown
from .yaml_document import read_document

M = TypeVar("M", bound=BaseModel)


def _nothing(_: object, __: object) -> Iterable[tuple[Place, str]]:
    return ()


def is_study_file(path: Path) -> bool:
    """Whether a file's name is one of a study file."""
    return path.suffix.lower() in {".yaml", ".yml"}


def read_study_file(path: Path, *, is_stored: bool = False) -> StudyFile:
    """Read and check a study file.

    With `is_stored` it only says which study is meant: whether its parts go together, `create` has checked.

    Raises:
        StudyFileError: it cannot be read, or something in it is wrong; the message lists every mistake, one a line.
    """
    text = read_text(path, "a study file")
    return parse_study_file(text, str(path), default_name(path.name), is_stored=is_stored)


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


def parse_study_file(text: str, name: str, study_name: str | None = None, *, is_stored: bool = False) -> StudyFile:
    """Check the text of a study file.

    Args:
        text: YAML.
        name: what messages call the file.
        study_name: the study's name where the text has none.
        is_stored: a study was made of it, so that its parts go together; to check that again takes torch.

    Raises:
        StudyFileError: something in it is wrong; the message lists every mistake, one a line.
    """
    document = read_document(text, name)
    defaults = {} if study_name is None else {"name": study_name}
    if is_stored and not document.mistakes:
        with suppress(ValidationError):  # what is wrong is told below, by rules that take a while to make
            return StudyFile.model_validate({**defaults, **document.values})
    return checked(document, StudyFile, _rules(), name, defaults, _nothing if is_stored else _together)


def checked(
    document: Document,
    model: type[M],
    rules: Rules,
    name: str,
    defaults: Mapping[str, object],
    together: Callable[[M, Collection[str]], Iterable[tuple[Place, str]]] = _nothing,
) -> M:
    """The document as a value of the model.

    Args:
        document: what stands in the file.
        model: what it may say.
        rules: those of the model, in words.
        name: what messages call the file.
        defaults: values of keys that it may leave out.
        together: finds the parts that do not go together, and tells their places; not those of groups that are wrong.

    Raises:
        StudyFileError: something in it is wrong; the message lists every mistake, one a line.
    """
    values = {**defaults, **document.values}
    found, errors = _validated(model, values)
    mistakes = all_mistakes(document, rules, errors)
    # What is wrong in one group must not hide what is wrong between the others: they are read without it.
    places = [mistake.path for mistake in mistakes]
    rest = _validated(model, without(values, places))[0] if mistakes else found
    if rest is not None:
        between = refusal(model.__name__, together(rest, {str(place[0]) for place in places if place}))
        mistakes = all_mistakes(document, rules, [*errors, *between.errors(include_url=False)])
    if found is None or mistakes:
        raise StudyFileError("\n".join(mistake.told(name) for mistake in mistakes))
    return found


def _validated(model: type[M], values: Mapping[str, object]) -> tuple[M | None, list[ErrorDetails]]:
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _together(study: StudyFile, unknown: Collection[str]) -> Iterable[tuple[Place, str]]:
    from .together import mistakes_together  # noqa: PLC0415  # it imports torch

    return mistakes_together(study, unknown)


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
