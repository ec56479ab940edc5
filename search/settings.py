"""How a study searches: the `search` group of a study file."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ..spaces.settings import Settings
from .limits import CANDIDATES, LARGEST_SEED, MOST_CANDIDATES, MOST_SEEDS, SEEDS

SamplerName = Literal["auto", "tpe", "gp", "cmaes", "qmc", "random", "grid"]
PrunerName = Literal["auto", "asha", "hyperband", "median", "percentile", "wilcoxon", "one-epoch", "none"]

MAY_CHANGE = (
    *("trials", "sampler", "grid", "pruner"),
    *("timeout", "device_hours", "trial_timeout", "retries", "checkpoints"),
)
"""What may change while a study lives, as far as its trials so far allow it (search/changing.py)."""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_PATTERN = r"^\s*(\d+(\.\d+)?)\s*([smh]?)\s*$"


def seconds(value: object) -> float:
    """Read a duration: a number of seconds, or a number followed by s, m or h.

    Raises:
        ValueError: it is something else, or not positive.
    """
    match = re.match(_PATTERN, str(value)) if isinstance(value, int | float | str) else None
    if match is None or isinstance(value, bool) or not float(match[1]):
        msg = f"{value!r} is not a duration: write seconds (90) or a number with s, m or h ('90s', '30m', '2h')"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[3]]


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": _PATTERN}]}),
]
"""Seconds as a float; a study file may also say '90s', '30m' or '2h'."""


def _distinct(names: list[str] | None) -> list[str] | None:
    if names is not None and len(set(names)) < len(names):
        raise ValueError("a parameter is named twice")
    return names


class GridSettings(Settings):
    """Which combinations `sampler: grid` trains."""

    levels: int = Field(default=3, ge=2, le=100, description="values of each range that is searched")
    over: Annotated[list[str] | None, AfterValidator(_distinct)] = Field(
        default=None,
        min_length=1,
        description="parameters that vary (learning_rate, loss_weights.TASK.ratio, training.SETTING, ...), all others "
        "being the baseline's; null: the whole space",
    )


class CheckpointSettings(Settings):
    """What is kept of trials' states, so that they go on after an interruption."""

    top: int = Field(default=1, ge=0, le=1000, description="number of best finished trials that keep their checkpoints")
    disk: float = Field(default=10.0, gt=0, description="gigabytes that a study's checkpoints may take on a machine")
    cost: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="largest share of training time that writing checkpoints may take; 1: one at every rung that "
        "trains for longer than a write takes",
    )


class ConfirmSettings(Settings):
    """What is trained again on fresh seeds, so that luck has no part in the answer."""

    candidates: int = Field(default=CANDIDATES, ge=1, le=MOST_CANDIDATES, description="number of best trials")
    seeds: int = Field(
        default=SEEDS,
        ge=1,
        le=MOST_SEEDS,
        description="fresh seeds, the same for all; fewer than 6 cannot show that one is better",
    )
    ablate: bool = Field(default=True, description="also train the winner without each of its parts")


class SearchSettings(Settings):
    """How many trials, who proposes them, and who ends the hopeless ones early."""

    trials: int = Field(default=60, ge=1, le=1_000_000, description="trials in total, those of earlier runs included")
    sampler: SamplerName = Field(default="auto", description="proposes configurations; auto: tpe")
    grid: GridSettings = Field(default_factory=GridSettings, description="with `sampler: grid`: which combinations")
    pruner: PrunerName = Field(
        default="auto",
        description="ends weak trials early; auto: percentile, or wilcoxon from 10 folds on; with several objectives "
        "none does",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=LARGEST_SEED,
        description="of everything random: split, batches, initial weights, augmentation and sampler",
    )
    timeout: Duration | None = Field(
        default=None, description="longest time of one run: seconds, or a number with s, m or h ('30m')"
    )
    device_hours: float | None = Field(
        default=None,
        gt=0,
        description="longest time in hours that all trials together, those of earlier runs too, may train",
    )
    trial_timeout: Duration | None = Field(
        default=None, description="longest time that one trial may train; then it fails as 'timed out'"
    )
    retries: int = Field(
        default=2, ge=0, le=100, description="consecutive restarts of a trial that dies before a new rung"
    )
    checkpoints: CheckpointSettings = Field(
        default_factory=CheckpointSettings, description="which states of trials are kept on disk"
    )
