"""From pydantic's errors to messages with the file's own lines and keys, and the allowed values."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ...spaces.space import SpaceSettings
from .document import MISTAKE, Document, Mistake, Place
from .rules import Rules, keys, kind_of, options, takes, told
from .values import shown

_SEARCHED = ("space", "training")
_TASK = "{kind: classification, text: text, label: label}"
_TASKS = f"{{sentiment: {_TASK}}}"
_NO_DEFAULT = "default_factory_not_called"
"""Pydantic's word for a default that depends on another key, which is wrong: no mistake of its own."""


def all_mistakes(document: Document, rules: Rules, errors: Sequence[ErrorDetails]) -> list[Mistake]:
    """Everything that is wrong with a file, each thing once, in the order of its lines."""
    searched = _searched(document)
    details = [detail for detail in errors if detail["type"] != _NO_DEFAULT]
    found = [
        *document.mistakes,
        *(_mistake(document, rules, detail) for detail in details if not (searched and _is_searched(detail))),
        *_searched_mistakes(document, rules, searched),
    ]
    places = {mistake.path for mistake in found}
    found += [mistake for mistake in _booleans(document, rules, ()) if mistake.path not in places]
    return sorted(dict.fromkeys(found), key=lambda mistake: mistake.line)


def _mistake(document: Document, rules: Rules, detail: ErrorDetails) -> Mistake:
    path, text = _path(document, rules, detail), ""
    here, value = rules.at(path, document.values), document.value(path)
    match detail["type"]:
        case "extra_forbidden":
            text = _unknown_key(document, rules, path)
        case "missing" if path == ("tasks",) and document.known(path) != path:
            text = f"missing: the main task first, as in {_TASKS}"
        case "model_attributes_type" | "dict_type" | "model_type" if path[:1] == ("tasks",) and len(path) < 3:
            text = f"{shown(value)}: must be a group of keys, as in {_TASKS if len(path) < 2 else _TASK}"
        case "missing" if document.known(path) != path:
            text = f"missing: {next((rule['description'] for rule in here if 'description' in rule), told(here))}"
        case "union_tag_not_found" | "union_tag_invalid":
            kinds = [str(kind_of(rule)) for rule in here]
            path = (*path, "kind")
            given = document.value(path) if document.known(path) == path else ""
            reason = f"{shown(given)}: unknown kind" if given else "missing"
            text = f"{reason}{nearest(given, kinds)} allowed: {', '.join(kinds)}"
        case "value_error":
            text = _with_value(str(detail.get("ctx", {})["error"]), value)
        case "study_file" | "task_name":
            text = detail["msg"].replace(repr(value), shown(value))
        case _:
            text = f"{shown(value)}: must be {told(here)}"
            text += nearest(value, options(here)).rstrip(";")
    return Mistake(path, document.line(path), text)


def _path(document: Document, rules: Rules, detail: ErrorDetails) -> Place:
    """The place in the file, without pydantic's own steps (`classification`, `float`), which the rules do not have."""
    path: Place = ()
    last = len(detail["loc"]) - 1
    for depth, item in enumerate(detail["loc"]):
        if rules.at((*path, item), document.values) or (depth == last and detail["type"] == "extra_forbidden"):
            path = (*path, item)
    missing = detail["type"] == "missing" and isinstance(detail["loc"][-1], str)
    return path if missing else document.known(path)


def _unknown_key(document: Document, rules: Rules, path: Place) -> str:
    key = path[-1]
    allowed = keys(rules.at(path[:-1], document.values))
    kinds = [kind_of(rule) for rule in rules.at(path[:-1]) if key in rule.get("properties", {})]
    elsewhere = f" here, it belongs to kind {', '.join(map(str, kinds))};" if kinds else ""
    return f"unknown key{elsewhere or nearest(key, allowed)} allowed: {', '.join(allowed)}"


def nearest(given: object, allowed: Sequence[str]) -> str:
    """The clause that names what was probably meant."""
    found = get_close_matches(str(given).lower(), allowed, n=1) if isinstance(given, str) else []
    return f"; did you mean {found[0]}?" if found else ";"


def _with_value(text: str, value: object) -> str:
    """A validator's text with the value before it, unless the text has the value already."""
    text = text.replace(repr(value), shown(value))
    return text if shown(value) in text else f"{shown(value)}: {text}"


def _is_searched(detail: ErrorDetails) -> bool:
    """Whether `_searched_mistakes` tells of it; what we find ourselves between several keys it does not."""
    return detail["loc"][:2] == _SEARCHED and detail["type"] != MISTAKE


def _searched(document: Document) -> Mapping[str, object]:
    found = document.value(_SEARCHED) if document.known(_SEARCHED) == _SEARCHED else None
    return found if isinstance(found, Mapping) else {}


def _searched_mistakes(document: Document, rules: Rules, searched: Mapping[str, object]) -> Iterator[Mistake]:
    """Each searched setting on its own: together they would be refused at the first that is wrong."""
    for name, value in searched.items():
        try:
            SpaceSettings.model_validate({"training": {name: value}})
        except ValidationError as error:
            path = (*_SEARCHED, name)
            text = _searched_text(document, rules, path, error.errors(include_url=False)[0])
            yield Mistake(path, document.line(path), text)


def _searched_text(document: Document, rules: Rules, path: Place, detail: ErrorDetails) -> str:
    name, value = str(path[-1]), document.value(path)
    own = rules.at(("training", name))
    if not own:
        return _unknown_key(document, rules, path)
    if detail["type"] == "value_error":
        return _with_value(str(detail.get("ctx", {})["error"]).removeprefix(f"{name}: "), value)
    if detail["loc"] == path[1:]:
        return f"{shown(value)}: each value must be {told(own)}"
    return (
        f"{shown(value)}: must be [low, high], a list of three or more choices, one value, {{low: , high: , log: }}, "
        "or {choices: [a, b]}"
    )


def _booleans(document: Document, rules: Rules, path: Place) -> Iterator[Mistake]:
    """`true` where a number is wanted, which pydantic reads as 1."""
    here, value = rules.at(path, document.values), document.value(path)
    if isinstance(value, bool) and not takes(here, "boolean"):
        yield Mistake(path, document.line(path), f"{shown(value)}: must be {told(here)}")
    elif isinstance(value, Mapping | list):
        for item in value if isinstance(value, Mapping) else range(len(value)):
            inner = (*path, item)
            if inner != _SEARCHED and rules.at(inner, document.values):
                yield from _booleans(document, rules, inner)
