"""Checks for incompatible training settings, before a study is stored."""

from collections.abc import Iterator, Mapping

from ...spaces.bounds import Choices, NumberRange
from ...spaces.configuration import SettingValue
from ...spaces.errors import InputError
from ...spaces.training import TrainingSettings
from .weighting.registry import make_weighting
from .weighting.weighting import Setup

_BALANCING = {"weighting": "static", "sampling": "all"}
"""Settings about auxiliary tasks, and the value that needs none."""

Searched = Mapping[str, Choices | NumberRange]
PlacedMistakes = Iterator[tuple[tuple[str, ...], str]]
"""Each with the keys of the study file that lead to it."""


def training_mistakes(
    training: TrainingSettings, searched: Searched, auxiliaries: int, *, folds: bool
) -> PlacedMistakes:
    """Settings that do not go together, and methods whose library is not installed, whether fixed or searched.

    Args:
        training: the study file's `training:`.
        searched: its `space: training:`.
        auxiliaries: how many auxiliary tasks it has.
        folds: whether it is a cross-validation.
    """
    yield from _without_auxiliaries(training, searched, auxiliaries)
    yield from _without_library(training, searched)
    yield from _without_effect(training, searched)
    if folds and ("early_stopping" in searched or training.early_stopping is not None):
        yield (
            _place("early_stopping", searched),
            "a fold of a cross-validation is evaluated once, at its end, so early stopping has no effect; leave it "
            "out, or give `validation` a share or a file",
        )


def _without_auxiliaries(training: TrainingSettings, searched: Searched, auxiliaries: int) -> PlacedMistakes:
    for name, allowed in _BALANCING.items():
        for value in _possible(name, training, searched):
            if value != allowed and not auxiliaries:
                yield (
                    _place(name, searched),
                    f"{value!r} needs an auxiliary task, and `tasks:` has the main one only; add a task, or leave it "
                    f"at {allowed!r}",
                )


def _without_library(training: TrainingSettings, searched: Searched) -> PlacedMistakes:
    for value in _possible("weighting", training, searched):
        try:
            make_weighting(str(value), Setup(("main", "auxiliary"), seed=0, steps_per_epoch=1, shared=()))
        except InputError as error:
            yield _place("weighting", searched), str(error)


def _without_effect(training: TrainingSettings, searched: Searched) -> PlacedMistakes:
    if "temperature" in searched and "temperature" not in _possible("sampling", training, searched):
        yield _place("temperature", searched), "applies only to `sampling: temperature`; set that, or leave it out"


def _possible(name: str, training: TrainingSettings, searched: Searched) -> list[SettingValue]:
    """All values of a setting with named values: those searched, else the fixed one."""
    space = searched.get(name)
    return list(space.choices) if isinstance(space, Choices) else [getattr(training, name)]


def _place(name: str, searched: Searched) -> tuple[str, ...]:
    return ("space", "training", name) if name in searched else ("training", name)
