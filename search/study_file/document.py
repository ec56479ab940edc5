"""A parsed study file with the line of every key, and its mistakes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..safe_text import escaped
from .values import key_shown

Item = str | int
"""A key of a mapping, or a place in a list."""
Place = tuple[Item, ...]
MISTAKE = "study_file"
"""The type of our own errors among pydantic's."""


def refusal(title: str, mistakes: Iterable[tuple[Place, str]]) -> ValidationError:
    """Mistakes that no single key shows, each with its place, as pydantic tells its own."""
    return ValidationError.from_exception_data(
        title,
        [
            InitErrorDetails(type=PydanticCustomError(MISTAKE, "{text}", {"text": text}), loc=path, input=None)
            for path, text in mistakes
        ],
    )


def without(values: Mapping[Any, Any], paths: Collection[Place]) -> dict[Any, Any]:
    """The values but for what stands at these paths, or where a path ends early, at the last of it that is there."""
    inner = {key: [path[1:] for path in paths if path[:1] == (key,)] for key in values}
    return {
        key: without(value, inner[key]) if inner[key] and isinstance(value, Mapping) else value
        for key, value in values.items()
        if () not in inner[key] and (isinstance(value, Mapping) or not inner[key])
    }


@dataclass
class Lines:
    """The lines, from 1, of what a mapping or list holds, and what is inside of that."""

    own: dict[Item, int] = field(default_factory=dict[Item, int])
    inside: dict[Item, "Lines"] = field(default_factory=dict[Item, "Lines"])


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it is, and what would be right."""

    path: Place
    line: int
    text: str

    def told(self, name: str) -> str:
        """The line that the user reads."""
        key = ".".join(key_shown(item) for item in self.path if isinstance(item, str))
        return f"{name}, line {self.line}: {key}{': ' if key else ''}{escaped(self.text)}"


@dataclass(frozen=True)
class Document:
    """What a file says, where it says it, and what is wrong with its YAML alone."""

    values: dict[str, Any]
    lines: Lines
    first_line: int
    mistakes: Sequence[Mistake]

    def known(self, path: Place) -> Place:
        """The leading part of a path that the file has."""
        lines = self.lines
        for depth, item in enumerate(path):
            if item not in lines.own:
                return path[:depth]
            lines = lines.inside[item]
        return path

    def line(self, path: Place) -> int:
        """The line of a path, or of the innermost part of it that the file has."""
        line, lines = self.first_line, self.lines
        for item in self.known(path):
            line, lines = lines.own[item], lines.inside[item]
        return line

    def value(self, path: Place) -> object:
        """What stands at a path that the file has."""
        found: Any = self.values
        for item in self.known(path):
            found = found[item]
        return found
