"""YAML to a document and back. Only plain values are ever built from a file.

Plain scalars mean what YAML 1.2's core schema and editors say: `1e-5` is a number, `yes`, `0755` and dates are text.
PyYAML's own rules are those of YAML 1.1.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ...spaces.errors import StudyFileError
from .document import Document, Lines, Mistake, Place

_Entries = dict[str, tuple[yaml.Node, yaml.Node]]
"""A mapping's keys, each with the node of the key and of its value."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = ("str", "int", "float", "bool", "null", "map", "seq")


class _Loader(yaml.SafeLoader):
    """PyYAML's reader, with rules of its own for plain scalars."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, which quotes what our reader would take for something else than text."""


class _LineDumper(_Dumper):
    """It, on one line: a text with line breaks or control characters has them escaped, between double quotes."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(f"{_TAG}str", text, style=None if text.isprintable() else '"')


_LineDumper.add_representer(str, _represented)
_Loader.yaml_implicit_resolvers = {}

for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    for _side in (_Loader, _Dumper):
        _side.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), _first)


def read_document(text: str, name: str, what: str = "a study file") -> Document:
    """Read YAML that is `what`.

    Raises:
        StudyFileError: it is no YAML, empty, or no mapping of keys.
    """
    root = _composed(text, name)
    if root is None:
        raise StudyFileError(f"{name}: the file is empty")
    line = root.start_mark.line + 1
    if not isinstance(root, yaml.MappingNode):
        raise StudyFileError(f"{name}, line {line}: {what} is a mapping of keys (`name: ...`), not {_kind(root)}")
    builder = _Builder()
    values, lines = builder.build(root, ())
    return Document(values, lines, line, builder.mistakes)


def write_document(values: Mapping[str, object]) -> str:
    """Plain values as YAML, which `read_document` reads as the same."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def write_line(values: Mapping[str, object]) -> str:
    """Plain values on one line, `{key: value}`, for who writes a file with comments; without its braces a block."""
    return yaml.dump(
        values,
        Dumper=_LineDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=True,
        width=math.inf,
    ).strip()


def _composed(text: str, name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise StudyFileError(f"{name}, {_position(error, text)}: not valid YAML: {_reason(error, text)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise StudyFileError(
            f"{name}, line {line}: the character U+{error.character:04X} is not allowed here"
        ) from None
    except RecursionError:
        raise StudyFileError(f"{name}: groups and lists are nested too deeply") from None


def _position(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    if mark is None or mark.line >= _lines(text):
        return f"line {_lines(text)}"  # the reader noticed only behind the end
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = (error.problem or "it cannot be read").replace("'<stream end>'", "the end of the file")
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if not (error.context or "").startswith("while"):
        return f"{error.context}, {problem}" if error.context else problem
    begin = error.context_mark.line + 1 if error.context_mark else 0
    return f"{problem} ({error.context}{f' that begins on line {begin}' if 0 < begin <= _lines(text) else ''})"


def _lines(text: str) -> int:
    return max(len(text.splitlines()), 1)


def _kind(node: yaml.Node) -> str:
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"


class _Builder:
    """Turns nodes into values, each node once: an alias gives the same object again, however often it is used."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._built: dict[int, tuple[Any, Lines]] = {}
        self._read: dict[int, _Entries] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Place) -> tuple[Any, Lines]:
        if id(node) in self._open:
            self._add(path, node, "an alias (*) inside its own anchor")
            return None, Lines()
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._new(node, path)
            self._open.remove(id(node))
        return self._built[id(node)]

    def _add(self, path: Place, node: yaml.Node, text: str) -> None:
        self.mistakes.append(Mistake(path, node.start_mark.line + 1, text))

    def _new(self, node: yaml.Node, path: Place) -> tuple[Any, Lines]:
        if node.tag.removeprefix(_TAG) not in _PLAIN:
            tag = node.tag.replace(_TAG, "!!")
            self._add(path, node, f"{tag}: tags are not allowed in a study file; write the plain value")
        lines = Lines()
        if isinstance(node, yaml.MappingNode):
            values: dict[str, Any] = {}
            for key, (key_node, value_node) in self._entries(node, path).items():
                values[key], lines.inside[key] = self.build(value_node, (*path, key))
                lines.own[key] = key_node.start_mark.line + 1
            return values, lines
        if isinstance(node, yaml.SequenceNode):
            items: list[Any] = []
            for place, inner in enumerate(node.value):
                item, lines.inside[place] = self.build(inner, (*path, place))
                lines.own[place] = inner.start_mark.line + 1
                items.append(item)
            return items, lines
        return _scalar(node), lines

    def _entries(self, node: yaml.MappingNode, path: Place) -> _Entries:
        """A mapping's entries, those that `<<` merges in first; its own win over them."""
        if id(node) not in self._read:
            own: _Entries = {}
            merged: _Entries = {}
            for key, value in node.value:
                if key.tag == f"{_TAG}merge":
                    for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                        merged = {**self._merged(source, path), **merged}
                elif not isinstance(key, yaml.ScalarNode):
                    self._add(path, key, f"a key must be a name, not {_kind(key)}")
                elif key.value in own:
                    first = own[key.value][0].start_mark.line + 1
                    self._add((*path, key.value), key, f"duplicate key; the first is on line {first}")
                else:
                    own[key.value] = key, value
            self._read[id(node)] = {**merged, **own}
        return self._read[id(node)]

    def _merged(self, source: yaml.Node, path: Place) -> _Entries:
        if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
            self._add(path, source, "<<: merges other groups of keys, and nothing else")
            return {}
        self._open.add(id(source))
        entries = self._entries(source, path)
        self._open.remove(id(source))
        return entries


def _scalar(node: yaml.Node) -> bool | int | float | str | None:
    try:
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return node.value.lower() == "true"
            case "int":
                return int(node.value)
            case "float":
                return float(node.value)
            case _:
                return str(node.value)
    except ValueError:  # `!!int many`, or more digits than Python reads: validation says what is allowed
        return str(node.value)
