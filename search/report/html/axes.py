"""One row of the parallel coordinates: where each trial's value of a parameter lies."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ....spaces.configuration import Configuration, SettingValue
from ... import wording
from ...summary.summary import Summary
from .figure import LETTER, WIDTH
from .scales import Scale, Tick, thinned, wide_apart

LEFT, RIGHT = 14, WIDTH - 14
_WORD = 48
"""Units that a word takes beside an axis of numbers: a task that is off has no ratio."""
_MOST_WORDS = 7
OFF, DEFAULT = "off", "default"


@dataclass(frozen=True)
class Axis:
    """A parameter, the place of every complete trial (the best first), and what is written at the axis."""

    name: str
    places: Sequence[float]
    ticks: Sequence[Tick]


def axes_of(summary: Summary) -> list[Axis]:
    """An axis for each parameter that varies over the complete trials, then one an objective, better to the right."""
    columns = _columns(summary)
    parameters = [_axis(name, values) for name, values in columns.items() if len(set(map(repr, values))) > 1]
    return [*parameters, *(_objective(summary, place) for place in range(len(summary.objectives)))]


def _columns(summary: Summary) -> dict[str, list[SettingValue]]:
    """Each parameter's value in every complete trial; a word where there is no number."""
    configurations = [trial.configuration for trial in summary.complete]
    readers: dict[str, Callable[[Configuration], SettingValue]] = {"learning rate": lambda each: each.learning_rate}
    for task in summary.auxiliary_tasks:
        readers[f"β/α of {task}"] = lambda each, task=task: each.ratios.get(task, OFF)
    for name in summary.operations:
        readers[f"share of {name}"] = lambda each, name=name: each.mix.operations.get(name) or OFF
    readers["magnitude"] = lambda each: each.mix.magnitude if each.mix.share else OFF
    for name in _names(each.cleaning for each in configurations):
        readers[name] = lambda each, name=name: each.cleaning.get(name, DEFAULT)
    for name in _names(each.training for each in configurations):
        readers[name] = lambda each, name=name: each.training.get(name, DEFAULT)
    return {name: [read(each) for each in configurations] for name, read in readers.items()}


def _names(given: Iterable[Mapping[str, SettingValue]]) -> list[str]:
    return list(dict.fromkeys(name for each in given for name in each))


def _axis(name: str, values: Sequence[SettingValue]) -> Axis:
    """Words first, at the left, each at a place of its own; then the numbers."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    words = sorted({wording.setting(value) for value in values if _number(value) is None})
    step = _WORD if numbers else (RIGHT - LEFT) / len(words)
    at = {word: LEFT + step * (place + (0.4 if numbers else 0.5)) for place, word in enumerate(words)}
    ticks = [Tick(at[word], word) for word in thinned(words, _MOST_WORDS)]
    if not numbers:
        return Axis(name, [at[wording.setting(value)] for value in values], ticks)
    scale = Scale(min(numbers), max(numbers), LEFT + step * len(words), RIGHT, wide_apart(numbers))
    places = [at[wording.setting(value)] if (n := _number(value)) is None else scale(n) for value in values]
    return Axis(name, places, [*ticks, *_apart(scale.ticks)])


def _number(value: SettingValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _objective(summary: Summary, place: int) -> Axis:
    name, direction = list(summary.objectives.items())[place]
    values = [trial.values[place] for trial in summary.complete]
    ends = (LEFT, RIGHT) if direction == wording.MAXIMIZE else (RIGHT, LEFT)
    scale = Scale(min(values), max(values), *ends)
    return Axis(f"{name}, better to the right", [scale(value) for value in values], _apart(scale.ticks))


def _apart(ticks: Sequence[Tick]) -> list[Tick]:
    """Without ticks whose words would touch the one before."""
    found: list[Tick] = []
    for tick in sorted(ticks, key=lambda tick: tick.place):
        if not found or tick.place - found[-1].place > LETTER * (len(tick.label) + len(found[-1].label)) / 2 + 6:
            found.append(tick)
    return found
