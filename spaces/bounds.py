"""Ranges and choices, as a study file writes them: `[low, high]`, one number (fixed), or choices."""

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from .configuration import SettingValue
from .settings import Settings

Pair = tuple[float, float]


def _pair_from_number(value: object) -> object:
    """One number fixes the setting: a range of no width."""
    return (value, value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value


def _ordered(bounds: Pair) -> Pair:
    low, high = bounds
    if low > high:
        raise ValueError(f"the range is reversed: {low:g} is above {high:g}; write [{high:g}, {low:g}]")
    return bounds


def _positive(bounds: Pair) -> Pair:
    if bounds[0] <= 0:
        raise ValueError(f"searched on a log scale, so both ends must be above 0, not {bounds[0]:g}")
    return bounds


def _unit(bounds: Pair) -> Pair:
    if bounds[0] < 0 or bounds[1] > 1:
        raise ValueError(f"must lie within 0 and 1, not [{bounds[0]:g}, {bounds[1]:g}]")
    return bounds


_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            {"type": "number"},
        ]
    }
)

Bounds = Annotated[Pair, BeforeValidator(_pair_from_number), AfterValidator(_ordered), _SCHEMA]
LogBounds = Annotated[Bounds, AfterValidator(_positive), _SCHEMA]
UnitBounds = Annotated[Bounds, AfterValidator(_unit), _SCHEMA]


def _number(value: object) -> object:
    """A text that says a number is that number: PyYAML, for one, reads `1e-5` as text."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


class Choices(Settings):
    """A setting that takes one of several values."""

    choices: list[Annotated[SettingValue, BeforeValidator(_number)]] = Field(
        min_length=1, description="the values to choose from"
    )

    @property
    def values(self) -> Sequence[SettingValue]:
        """What is written: each of the choices."""
        return self.choices


def nearest_choice(choices: Sequence[SettingValue], value: SettingValue) -> SettingValue:
    """Of some choices the number that is nearest to a value, null being above all; the first where words differ."""
    number = math.inf if value is None else value
    numbers = [choice for choice in choices if isinstance(choice, int | float)]
    if not numbers or not isinstance(number, int | float):
        return choices[0]
    return min(numbers, key=lambda choice: (abs(choice - number), -choice))


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}")
    return value


_End = Annotated[float, BeforeValidator(_no_truth)]


class NumberRange(Settings):
    """A range written out, for a log scale."""

    low: _End = Field(description="lower end")
    high: _End = Field(description="upper end")
    log: bool = Field(default=False, description="search on a log scale")

    @property
    def values(self) -> Sequence[SettingValue]:
        """What is written: both ends."""
        return [self.low, self.high]


def _named(value: object) -> object:
    """`[low, high]` is a range; any other list is choices; one value is a choice of one."""
    if isinstance(value, list):
        numbers = [v for v in map(_number, value) if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(value) == 2 and len(numbers) == 2:
            return {"low": value[0], "high": value[1]}
        return {"choices": value}
    return value if isinstance(value, dict | Settings) else {"choices": [value]}


def _form(value: object) -> str:
    """Which of the two was meant, so that a mistake is told of that one alone."""
    return "choices" if isinstance(value, Choices) or (isinstance(value, dict) and "choices" in value) else "range"


SettingSpace = Annotated[
    Annotated[Choices, Tag("choices")] | Annotated[NumberRange, Tag("range")],
    Discriminator(_form),
    BeforeValidator(_named),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "minItems": 1},
                {"type": "object", "properties": {"choices": {"type": "array"}}, "required": ["choices"]},
                {
                    "type": "object",
                    "properties": {"low": {"type": "number"}, "high": {"type": "number"}, "log": {"type": "boolean"}},
                    "required": ["low", "high"],
                },
                {"type": ["number", "string", "boolean", "null"]},
            ]
        }
    ),
]
