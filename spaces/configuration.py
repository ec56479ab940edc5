"""One point of the space, as a value: what a trial trains, an export carries and a report names."""

from functools import cached_property

from pydantic import Field

from .settings import Settings

SettingValue = bool | int | float | str | None
"""A training setting's value; what None stands for (never, all, the encoder's own) is the setting's business."""


class Mix(Settings):
    """The distribution over augmentation operations and "none", for the main task's training rows."""

    operations: dict[str, float] = Field(
        default_factory=dict[str, float], description="share of the batch that each operation augments"
    )
    magnitude: float = Field(default=0.0, ge=0, le=1, description="strength of every operation, 0 is none")

    @cached_property
    def share(self) -> float:
        """The share of a batch that is augmented at all; `1 - share` is the probability of "none"."""
        return sum(self.operations.values())


class Configuration(Settings):
    """One point of the space.

    `ratios` holds r_k = β_k / α for every auxiliary task that is switched on; a task that is not
    there is off and costs nothing.
    """

    learning_rate: float = Field(gt=0, description="peak learning rate of AdamW")
    ratios: dict[str, float] = Field(default_factory=dict[str, float], description="β_k/α of each task that is on")
    mix: Mix = Field(default_factory=Mix, description="the augmentation mix")
    training: dict[str, SettingValue] = Field(
        default_factory=dict[str, SettingValue], description="searched training settings, by name"
    )
    cleaning: dict[str, SettingValue] = Field(
        default_factory=dict[str, SettingValue], description="searched settings of cleaning, by name"
    )

    @cached_property
    def alpha(self) -> float:
        """The main task's loss weight, normalised so that α + Σ β_k = 1."""
        return 1 / (1 + sum(self.ratios.values()))

    @cached_property
    def betas(self) -> dict[str, float]:
        """Each auxiliary task's loss weight, normalised like `alpha`."""
        return {task: self.alpha * ratio for task, ratio in self.ratios.items()}
