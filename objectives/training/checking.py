"""Training settings that do not go together, found before a study is stored."""

from collections.abc import Mapping

from ...spaces.bounds import Choices, NumberRange
from ...spaces.configuration import SettingValue
from ...spaces.errors import InputError, StudyFileError
from ...spaces.training import TrainingSettings
from .weighting.registry import make_weighting
from .weighting.weighting import Setup

_BALANCING = {"weighting": "static", "sampling": "all"}
"""Settings about auxiliary tasks, and the value that needs none."""


def check_training(
    training: TrainingSettings, searched: Mapping[str, Choices | NumberRange], auxiliaries: int, *, folds: bool = False
) -> None:
    """Check every value that a trial may train with, fixed or searched.

    Args:
        training: the study file's `training:`.
        searched: its `space: training:`.
        auxiliaries: how many auxiliary tasks it has.
        folds: whether it is a cross-validation.

    Raises:
        StudyFileError: two settings that do not go together, or a method whose library is not installed.
    """
    mistakes = [
        *_without_auxiliaries(training, searched, auxiliaries),
        *_without_library(training, searched),
        *_without_effect(training, searched),
    ]
    if folds and ("early_stopping" in searched or training.early_stopping is not None):
        mistakes.append(
            f"{_key('early_stopping', searched)}: a fold of a cross-validation is evaluated once, at its end, so there "
            "is nothing to stop by; leave it out, or give `validation` a share or a file"
        )
    if mistakes:
        raise StudyFileError("\n".join(mistakes))


def _without_auxiliaries(
    training: TrainingSettings, searched: Mapping[str, Choices | NumberRange], auxiliaries: int
) -> list[str]:
    return [
        f"{_key(name, searched)}: {value!r} needs an auxiliary task, and `tasks:` has the main one only; add a task, "
        f"or leave it at {allowed!r}"
        for name, allowed in _BALANCING.items()
        for value in _possible(name, training, searched)
        if value != allowed and not auxiliaries
    ]


def _without_library(training: TrainingSettings, searched: Mapping[str, Choices | NumberRange]) -> list[str]:
    found: list[str] = []
    for value in _possible("weighting", training, searched):
        try:
            make_weighting(str(value), Setup(("main", "auxiliary"), seed=0, steps_per_epoch=1, shared=()))
        except InputError as error:
            found.append(f"{_key('weighting', searched)}: {error}")
    return found


def _without_effect(training: TrainingSettings, searched: Mapping[str, Choices | NumberRange]) -> list[str]:
    if "temperature" not in searched or "temperature" in _possible("sampling", training, searched):
        return []
    return ["space: training: temperature: is read with `sampling: temperature` only; set that, or leave it out"]


def _possible(
    name: str, training: TrainingSettings, searched: Mapping[str, Choices | NumberRange]
) -> list[SettingValue]:
    """All values of a setting with named values: those searched, else the fixed one."""
    space = searched.get(name)
    return list(space.choices) if isinstance(space, Choices) else [getattr(training, name)]


def _key(name: str, searched: Mapping[str, Choices | NumberRange]) -> str:
    return f"space: training: {name}" if name in searched else f"training: {name}"
