"""What a study file says, with the line of every key, and what can be wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError

from .values import key_shown, one_line

Item = str | int
"""A key of a mapping, or a place in a list."""
Path = tuple[Item, ...]
MISTAKE = "study_file"
"""The type of our own errors among pydantic's."""


def located(path: Path, text: str) -> InitErrorDetails:
    """A mistake that no single key shows, for pydantic to raise at its place."""
    return InitErrorDetails(type=PydanticCustomError(MISTAKE, "{text}", {"text": text}), loc=path, input=None)


@dataclass
class Places:
    """The lines, from 1, of what a mapping or list holds, and what is inside of that."""

    lines: dict[Item, int] = field(default_factory=dict[Item, int])
    inside: dict[Item, "Places"] = field(default_factory=dict[Item, "Places"])


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it is, and what would be right."""

    path: Path
    line: int
    text: str

    def told(self, name: str) -> str:
        """The line that the user reads."""
        key = ".".join(key_shown(item) for item in self.path if isinstance(item, str))
        return f"{name}, line {self.line}: {key}{': ' if key else ''}{one_line(self.text)}"


@dataclass(frozen=True)
class Document:
    """What a file says, where it says it, and what is wrong with its YAML alone."""

    values: dict[str, Any]
    places: Places
    first_line: int
    mistakes: Sequence[Mistake]

    def known(self, path: Path) -> Path:
        """The leading part of a path that the file has."""
        places = self.places
        for depth, item in enumerate(path):
            if item not in places.lines:
                return path[:depth]
            places = places.inside[item]
        return path

    def line(self, path: Path) -> int:
        """The line of a path, or of the innermost part of it that the file has."""
        line, places = self.first_line, self.places
        for item in self.known(path):
            line, places = places.lines[item], places.inside[item]
        return line

    def value(self, path: Path) -> object:
        """What stands at a path that the file has."""
        found: Any = self.values
        for item in self.known(path):
            found = found[item]
        return found
