"""The searched augmentation mix: whether at all, how much of a batch, which operations, how strong."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from pydantic import Field, field_validator

from .bounds import UnitBounds
from .configuration import Mix
from .settings import Settings

OperationName = Literal[
    "noise", "reverse", "replace", "mask", "flip", "back_translate", "synthesize", "mixup", "cutoff"
]

_ON = "augmentation.on"
_SHARE = "augmentation.share"
_MAGNITUDE = "augmentation.magnitude"
_LARGEST_WEIGHT = 0.999
"""A weight w enters the mix as -ln(1 - w), which at w = 1 would be infinite."""


class ReplaceSettings(Settings):
    """What `replace` takes its synonyms from."""

    lexicon: str | None = Field(
        default=None,
        min_length=1,
        description="tab-separated file: word, pos, synonyms, antonyms (the last two joined by commas); null: the "
        "nearest words in the encoder's own embedding table",
    )


class FlipSettings(Settings):
    """What `flip` turns a sentence and its label with."""

    opposites: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="the opposite of each label, e.g. {positive: negative, negative: positive}; labels "
        "not listed have no opposite",
    )
    lexicon: str | None = Field(
        default=None,
        min_length=1,
        description="more antonyms, in the format of replace.lexicon, in addition to the built-in ones",
    )


class MaskSettings(Settings):
    """Which model `mask` asks for other words."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="a masked language model: Hub id or folder; null: the encoder, if its files have such a head",
    )


class BackTranslateSettings(Settings):
    """The two models that `back_translate` goes through."""

    there: str | None = Field(default=None, min_length=1, description="translation model, Hub id or folder")
    back: str | None = Field(default=None, min_length=1, description="the model that translates back")


class SynthesizeSettings(Settings):
    """Where new rows come from, and which are kept."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="a causal language model, Hub id or folder; null: a small one that is trained on the training rows",
    )
    agreement: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="probability that the baseline must give a new row's label for it to be kept",
    )


class AugmentationSpace(Settings):
    """The study file's `space: augmentation:`. Without operations there is no augmentation."""

    operations: list[OperationName] = Field(
        default_factory=list[OperationName], description="the operations that a mix is made of"
    )
    share: UnitBounds = Field(
        default=(0.0, 0.8), description="how much of a batch is augmented; from 0: it may also be switched off"
    )
    magnitude: UnitBounds = Field(default=(0.05, 0.3), description="strength of every operation")
    levels: int = Field(
        default=3, ge=1, le=9, description="magnitudes that are tried within the range; 1: its lower end"
    )
    replicas: int = Field(default=2, ge=1, le=16, description="how many variants of a row each operation makes")
    on_missing: Literal["error", "drop"] = Field(
        default="error", description="an operation whose needs are missing is an error, or is dropped with a warning"
    )
    language: str = Field(
        default="auto",
        min_length=2,
        max_length=8,
        description="of the texts, for `flip`: auto tells by their script; or en, zh, ...",
    )
    replace: ReplaceSettings = Field(default_factory=ReplaceSettings, description="of the operation `replace`")
    flip: FlipSettings = Field(default_factory=FlipSettings, description="of the operation `flip`")
    mask: MaskSettings = Field(default_factory=MaskSettings, description="of the operation `mask`")
    back_translate: BackTranslateSettings = Field(
        default_factory=BackTranslateSettings, description="of the operation `back_translate`"
    )
    synthesize: SynthesizeSettings = Field(
        default_factory=SynthesizeSettings, description="of the operation `synthesize`"
    )

    @field_validator("operations")
    @classmethod
    def _distinct(cls, operations: list[OperationName]) -> list[OperationName]:
        if len(set(operations)) < len(operations):
            raise ValueError("an operation is named twice")
        return operations

    @property
    def magnitudes(self) -> list[float]:
        """The magnitude levels, evenly spaced."""
        low, high = (Decimal(str(end)) for end in self.magnitude)
        gaps = max(self.levels - 1, 1)
        return sorted({float(low + (high - low) * level / gaps) for level in range(self.levels)})

    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's parameters; none where there is nothing to choose from."""
        if not self.operations:
            return {}
        found: dict[str, BaseDistribution] = {}
        if self.share[0] == 0:
            found[_ON] = CategoricalDistribution((True, False))
        found[_SHARE] = FloatDistribution(*self.share)
        found[_MAGNITUDE] = CategoricalDistribution(tuple(self.magnitudes))
        if len(self.operations) > 1:
            found |= {_weight(name): FloatDistribution(0, _LARGEST_WEIGHT) for name in self.operations}
        return found


def mix_of(space: AugmentationSpace, parameters: Mapping[str, Any]) -> Mix:
    """The mix that these parameters stand for.

    Weights w, uniform in [0, 1), become shares proportional to -ln(1 - w): uniform over the simplex
    (the usual construction of a flat Dirichlet from exponential variates), and rising in w.
    """
    if not space.operations or not parameters.get(_ON, True):
        return Mix()
    share, names = parameters[_SHARE], space.operations
    weights = [-math.log1p(-parameters.get(_weight(name), 0.5)) for name in names]
    total = sum(weights)
    shares = [weight / total for weight in weights] if total > 0 else [1 / len(names)] * len(names)
    operations = {name: share * part for name, part in zip(names, shares, strict=True)}
    # A share may be too small to be divided: nothing of it is left then, as of none.
    return Mix(operations=operations, magnitude=parameters[_MAGNITUDE]) if any(operations.values()) else Mix()


def mix_parameters(space: AugmentationSpace, mix: Mix) -> dict[str, Any]:
    """The parameters nearest to a mix; "none" is nearest to the smallest share where it may not be off."""
    found: dict[str, Any] = {}
    for name in space.distributions():
        if name == _ON:
            found[name] = mix.share > 0
        elif name == _SHARE:
            found[name] = min(max(mix.share, space.share[0]), space.share[1])
        elif name == _MAGNITUDE:
            found[name] = min(space.magnitudes, key=lambda level: abs(level - mix.magnitude))
        else:
            part = mix.operations.get(name.rpartition(".")[2], 0.0) / mix.share if mix.share else 0.5
            found[name] = min(1 - math.exp(-part), _LARGEST_WEIGHT)
    return found


def standing_mix(space: AugmentationSpace, *, on: bool) -> dict[str, Any]:
    """The parameters of a mix that does not vary: all operations alike at middle share and magnitude, or none."""
    if not on:
        return {_SHARE: 0.0}
    share, magnitude = sum(space.share) / 2, sum(space.magnitude) / 2
    each = share / len(space.operations)
    return mix_parameters(space, Mix(operations=dict.fromkeys(space.operations, each), magnitude=magnitude))


def _weight(name: str) -> str:
    return f"augmentation.mix.{name}"
