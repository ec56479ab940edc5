"""What may be searched: the study file's `space:` and its translation to and from Optuna's parameters.

The space is flat: every parameter is suggested in every trial, so that every sampler of Optuna's can
model all of them together; a ratio whose task is switched off is simply not used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, field_validator

from .augmentation import AugmentationSpace, mix_of, mix_parameters, standing_mix
from .bounds import Choices, LogBounds, NumberRange, SettingSpace, nearest_choice
from .cleaning import CleaningSpace
from .configuration import Configuration, SettingValue
from .loss_weights import LossWeightSpace
from .settings import Settings
from .training import TrainingSettings

ParameterValue = Any
"""What Optuna stores: a number, a string, a boolean or None."""

LEARNING_RATE = "learning_rate"


class SpaceSettings(Settings):
    """The study file's `space:`."""

    loss_weights: LossWeightSpace = Field(default_factory=LossWeightSpace, description="importance of the auxiliaries")
    learning_rate: LogBounds | None = Field(
        default=None, description="peak rate, log-uniform; by default a range that suits the encoder"
    )
    augmentation: AugmentationSpace = Field(default_factory=AugmentationSpace, description="the augmentation mix")
    cleaning: CleaningSpace = Field(default_factory=CleaningSpace, description="training rows that are left out")
    training: dict[str, SettingSpace] = Field(
        default_factory=dict[str, SettingSpace],
        description="training settings to search: [low, high], or choices",
    )

    @field_validator("training")
    @classmethod
    def _known_and_valid(cls, training: dict[str, SettingSpace]) -> dict[str, SettingSpace]:
        for name, space in training.items():
            if name == LEARNING_RATE:
                raise ValueError("the learning rate is searched by `space: learning_rate`, not under `training`")
            if name not in TrainingSettings.model_fields:
                raise ValueError(
                    f"{name!r} is not a training setting; known: {', '.join(TrainingSettings.model_fields)}"
                )
            _setting_distribution(name, space)
        return training


def _setting_distribution(name: str, space: Choices | NumberRange) -> BaseDistribution:
    """Check the ends against the setting's own rules, then translate."""
    if truths := [value for value in space.values if isinstance(value, bool)]:
        raise ValueError(f"{name}: {str(truths[0]).lower()} is not a valid value")
    checked = [getattr(TrainingSettings.model_validate({name: value}), name) for value in space.values]
    if isinstance(space, Choices):
        if twice := [value for value in checked if checked.count(value) > 1]:
            raise ValueError(f"{name}: {'null' if twice[0] is None else twice[0]} occurs twice")
        return CategoricalDistribution(tuple(checked))
    low, high = checked
    if low > high:
        raise ValueError(f"{name}: the range is reversed: {low:g} is above {high:g}")
    if space.log and low <= 0:
        raise ValueError(f"{name}: searched on a log scale, so both ends must be above 0, not {low:g}")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=space.log)
    return FloatDistribution(low, high, log=space.log)


@dataclass(frozen=True)
class SearchSpace:
    """The space of one study.

    `auxiliaries` names the auxiliary tasks in the study file's order, `learning_rate` is the searched
    range, `training` holds the settings that are not searched and the baseline's own, `cleaning` the
    baseline's cleaning. `measured` names the auxiliaries that an objective is a metric of: they are never
    off. `over` names the only parameters that vary, where not all do; the others stay as in the baseline.
    """

    settings: SpaceSettings
    auxiliaries: Sequence[str]
    learning_rate: tuple[float, float]
    training: TrainingSettings
    measured: Sequence[str] = ()
    cleaning: Mapping[str, SettingValue] = field(default_factory=dict[str, SettingValue])
    over: frozenset[str] | None = None

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's parameters, by name, in a fixed order."""
        every = self._every_distribution()
        return every if self.over is None else {name: every[name] for name in every if name in self.over}

    def _every_distribution(self) -> dict[str, BaseDistribution]:
        found: dict[str, BaseDistribution] = {LEARNING_RATE: FloatDistribution(*self.learning_rate, log=True)}
        for task in self.auxiliaries:
            found |= self._weights(task).distributions(task)
        found |= self.settings.augmentation.distributions()
        found |= self.settings.cleaning.distributions()
        for name, space in self.settings.training.items():
            found[f"training.{name}"] = _setting_distribution(name, space)
        return found

    def may_be_off(self, task: str) -> bool:
        """Whether there are trials without an auxiliary."""
        return self._weights(task).optional

    def _weights(self, task: str) -> LossWeightSpace:
        """A task that is an objective's cannot be switched off: there would be nothing to measure."""
        weights = self.settings.loss_weights
        return weights.model_copy(update={"optional": False}) if task in self.measured else weights

    def configuration(self, parameters: Mapping[str, ParameterValue]) -> Configuration:
        """The configuration that a trial with these Optuna parameters trains."""
        full = parameters if self.over is None else {**self._standing(self.over), **parameters}
        ratios = {task: self._weights(task).ratio_of(task, full) for task in self.auxiliaries}
        return Configuration(
            learning_rate=full[LEARNING_RATE],
            ratios={task: ratio for task, ratio in ratios.items() if ratio is not None},
            mix=mix_of(self.settings.augmentation, full),
            cleaning=self.settings.cleaning.cleaning_of(full),
            training={
                name: full[parameter] for name in self.settings.training if (parameter := f"training.{name}") in full
            },
        )

    def _standing(self, over: frozenset[str]) -> dict[str, ParameterValue]:
        """The parameters that do not vary: the baseline's, but that whatever varies is switched on."""
        found: dict[str, ParameterValue] = {LEARNING_RATE: self.default_rate}
        for task in self.auxiliaries:
            weights = self._weights(task)
            found |= weights.standing(task, on=not over.isdisjoint(weights.distributions(task)))
        augmentation = self.settings.augmentation
        return found | standing_mix(augmentation, on=not over.isdisjoint(augmentation.distributions()))

    def nearest(self, configuration: Configuration) -> dict[str, ParameterValue]:
        """The parameters that stand for a configuration in the sampler's eyes.

        A configuration outside the space (a task off that is not optional, a rate out of range) is stood
        for by the nearest point inside it, so that samplers learn from baselines too.
        """
        low, high = self.learning_rate
        found: dict[str, ParameterValue] = {LEARNING_RATE: min(max(configuration.learning_rate, low), high)}
        for task in self.auxiliaries:
            found |= self._weights(task).parameters(task, configuration.ratios.get(task))
        found |= mix_parameters(self.settings.augmentation, configuration.mix)
        found |= self.settings.cleaning.parameters({**self.cleaning, **configuration.cleaning})
        for name, space in self.settings.training.items():
            value = configuration.training.get(name, getattr(self.training, name))
            found[f"training.{name}"] = _nearest_setting(name, space, value)
        return {name: found[name] for name in self.distributions}

    @property
    def default_rate(self) -> float:
        """The rate of baseline and equal weights: as given, else the range's middle on the log scale."""
        return self.training.learning_rate or math.sqrt(self.learning_rate[0] * self.learning_rate[1])

    def baseline(self) -> Configuration:
        """The main task alone, at the default rate, with no augmentation and default training settings.

        An auxiliary that is measured cannot be off; it is as important as the main task.
        """
        return Configuration(learning_rate=self.default_rate, ratios=dict.fromkeys(self.measured, 1.0))

    def equal_weights(self) -> Configuration:
        """Every task as important as the main one; all else as in the baseline."""
        return Configuration(learning_rate=self.default_rate, ratios=dict.fromkeys(self.auxiliaries, 1.0))


def _nearest_setting(name: str, space: Choices | NumberRange, value: SettingValue) -> SettingValue:
    # The encoder's own dropout is 0.1 in BERT and its kin; elsewhere null is "never" or "all", so beyond every number.
    number = (0.1 if name == "dropout" else math.inf) if value is None else value
    if isinstance(space, Choices):
        return value if value in space.choices else nearest_choice(space.choices, number)
    if not isinstance(number, int | float):
        return space.high
    nearest = min(max(number, space.low), space.high)
    return nearest if number == math.inf else type(number)(nearest)
