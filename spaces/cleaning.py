"""The searched part of cleaning: which training rows a trial goes without."""

from collections.abc import Mapping
from typing import Annotated

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field, field_validator

from .bounds import nearest_choice
from .configuration import SettingValue
from .settings import Settings

_PREFIX = "cleaning."

Threshold = Annotated[float, Field(ge=0.5, le=1)]


class CleaningSpace(Settings):
    """The study file's `space: cleaning:`. What has no choices is as `data: clean:` says."""

    drop_suspect_labels: list[bool] = Field(
        default_factory=list[bool], description="whether rows with suspect labels are left out, e.g. [true, false]"
    )
    near_duplicates: list[Threshold | None] = Field(
        default_factory=list[Threshold | None],
        description="similarity from which a near-duplicate is left out, e.g. [null, 0.9, 0.8]; null: never",
    )

    @field_validator("drop_suspect_labels", "near_duplicates")
    @classmethod
    def _distinct(cls, choices: list[SettingValue]) -> list[SettingValue]:
        if len(set(choices)) < len(choices):
            raise ValueError("a choice is listed twice")
        return choices

    @property
    def choices(self) -> dict[str, list[SettingValue]]:
        """The values of each setting that is searched."""
        every: dict[str, list[SettingValue]] = {
            "drop_suspect_labels": [*self.drop_suspect_labels],
            "near_duplicates": [*self.near_duplicates],
        }
        return {name: values for name, values in every.items() if values}

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's parameters, by name."""
        return {f"{_PREFIX}{name}": CategoricalDistribution(tuple(values)) for name, values in self.choices.items()}

    def cleaning_of(self, parameters: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
        """The settings that Optuna's parameters stand for; those that do not vary are missing."""
        return {name: parameters[key] for name in self.choices if (key := f"{_PREFIX}{name}") in parameters}

    def parameters(self, cleaning: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
        """The parameters that stand for some settings; the nearest choice where a value is none of the choices."""
        return {
            f"{_PREFIX}{name}": value if (value := cleaning.get(name)) in values else nearest_choice(values, value)
            for name, values in self.choices.items()
        }
