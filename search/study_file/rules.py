"""The allowed values of each key in words, derived from the JSON Schema, so that they are defined once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .document import Item

Rule = Mapping[str, Any]
"""A JSON Schema of one place, without `$ref`, `anyOf` and `oneOf`."""

_DISCRIMINATOR = "kind"
_LIMITS = {
    "minimum": "of at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "null": "null",
    "array": "a list",
    "object": "a group of keys",
}


class Rules:
    """The rules of a JSON Schema by path; where it offers alternatives, a place has several."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema

    def at(self, path: Sequence[Item], values: object = None) -> Sequence[Rule]:
        """The alternatives at a path; none where the schema has no such place.

        Args:
            path: keys and places from the top.
            values: what the file says; with it, only the rules of the kinds that it names.
        """
        found: Sequence[Rule] = self._alternatives(self._schema)
        for item in path:
            found = [rule for outer in found for inner in _inside(outer, item) for rule in self._alternatives(inner)]
            values = _value_inside(values, item)
            if isinstance(values, Mapping) and (kind := values.get(_DISCRIMINATOR)):
                found = [rule for rule in found if kind_of(rule) == kind] or found
        return found

    def _alternatives(self, schema: Rule) -> list[Rule]:
        """A schema without references and choices; each part has the description of the whole."""
        if "$ref" in schema:
            choices = [self._schema["$defs"][schema["$ref"].rpartition("/")[2]]]
        else:
            choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            return [schema]
        own = {"description": schema["description"]} if "description" in schema else {}
        return [{**rule, **own} for choice in choices for rule in self._alternatives(choice)]


def _inside(rule: Rule, item: Item) -> Iterable[Rule]:
    if isinstance(item, int):
        inner = rule.get("items")
    else:
        inner = rule.get("properties", {}).get(item) or rule.get("additionalProperties")
    return [inner] if inner else []


def _value_inside(value: object, item: Item) -> object:
    if isinstance(value, Mapping):
        return value.get(item)
    return value[item] if isinstance(value, list) and isinstance(item, int) and item < len(value) else None


def kind_of(rule: Rule) -> str | None:
    """The kind that a group of keys is for."""
    return rule.get("properties", {}).get(_DISCRIMINATOR, {}).get("const")


def keys(rules: Iterable[Rule]) -> list[str]:
    """All keys that may stand at a place."""
    return list(dict.fromkeys(key for rule in rules for key in rule.get("properties", ())))


def options(rules: Iterable[Rule]) -> list[str]:
    """The words to choose from, where a place takes nothing else."""
    found = [rule.get("enum", [rule["const"]] if "const" in rule else []) for rule in rules]
    return [str(option) for choices in found for option in choices]


def takes(rules: Iterable[Rule], kind: str) -> bool:
    """Whether a value of a JSON type may stand at a place."""
    return any(kind in _types(rule) for rule in rules)


def told(rules: Sequence[Rule]) -> str:
    """What may stand at a place: `a number above 0 or null`."""
    if words := options(rules):
        return f"one of {', '.join(words)}"
    if sum("properties" in rule for rule in rules) > 1:  # of several kinds: too long a list of keys to help
        return _WORDS["object"]
    return " or ".join(dict.fromkeys(part for rule in rules for part in _told(rule))) or "something else"


def _types(rule: Rule) -> Sequence[str]:
    types = rule.get("type", ())
    return [types] if isinstance(types, str) else types


def _told(rule: Rule) -> Iterable[str]:
    limits = " and ".join(words.format(rule[limit]) for limit, words in _LIMITS.items() if limit in rule)
    for kind in _types(rule):
        if kind == "array" and rule.get("maxItems") == 2:
            yield "a range [low, high]"
        elif kind == "object" and "properties" in rule:
            yield f"a group of keys ({', '.join(rule['properties'])})"
        elif rule.get("maxLength"):
            yield f"{_WORDS[kind]} of {rule.get('minLength', 0)} to {rule['maxLength']} characters"
        elif rule.get("minLength") or rule.get("minItems") or rule.get("minProperties"):
            yield f"{_WORDS[kind]} that is not empty"
        else:
            yield f"{_WORDS[kind]} {limits}" if limits else _WORDS[kind]
