"""best.yaml's `confirmed`: the exported configuration's results on fresh seeds, with intervals."""

import math
from collections.abc import Iterator
from statistics import fmean
from typing import Annotated

from pydantic import Field

from ...spaces.settings import Settings
from ..limits import LARGEST_SEED
from ..study_file.document import Place

_SAME = 1e-9
"""Two sums of the same scores differ by no more, whatever order or package added them up."""


Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
"""What NumPy's and scikit-learn's generators take."""


class Figure(Settings):
    """A mean, and where the true one lies."""

    mean: float = Field(description="in the metric's unit")
    interval: tuple[float, float] | None = Field(
        default=None,
        description="of the mean, 95 %, of a gain at a later look wider; null: one value, or equal ones, say nothing "
        "of their spread",
    )


class Gain(Figure):
    """What a configuration gains over the baseline, seed by seed; positive is better, whatever the direction.

    At the second look its interval is one of 98.3 %, at the third of 99.4 %, and so on.
    """

    better: bool = Field(description="whether these seeds show that it is better than the baseline")
    p: float = Field(
        ge=0, le=1, description="of the sign-flip test that it is better, corrected for all candidates and looks"
    )
    pairs: int = Field(ge=1, description="seeds on which both have a score")
    look: int = Field(default=1, ge=1, description="one more each time seeds were added after a look at the others")


class OnTestData(Settings):
    """Results on the test data, which is used once."""

    winner: Figure = Field(description="the exported configuration")
    baseline: Figure | None = Field(default=None, description="the baseline; null: its trainings failed")
    gain: Gain | None = Field(default=None, description="of the one over the other; null for the baseline itself")


class ConfirmedFigures(Settings):
    """What full-length trainings on fresh seeds scored on validation data."""

    name: str = Field(description="the exported configuration among those that were confirmed")
    winner: str = Field(description="the one with the best confirmed mean")
    seeds: list[Seed] = Field(min_length=1, description="fresh seeds, the same for all that were confirmed")
    scores: dict[int, float] = Field(
        min_length=1, description="the (first) objective by seed; a seed whose training failed is missing"
    )
    mean: float = Field(description="of the scores")
    interval: tuple[float, float] | None = Field(
        description="of the mean, 95 %, and so the promise that `autotune verify` checks; null: there is none"
    )
    corrected: float | None = Field(default=None, description="the winner's mean, corrected for selection")
    corrected_interval: tuple[float, float] | None = Field(default=None, description="its interval, 95 %")
    baseline: Figure | None = Field(default=None, description="the baseline on the same seeds; null: all failed")
    measured_gain: Figure | None = Field(
        default=None, description="over the baseline as measured, corrected for nothing; null: not told, or none"
    )
    gain: Gain | None = Field(
        default=None, description="the same; the winner's is corrected for selection; null for itself"
    )
    optimism: Figure | None = Field(default=None, description="by how much the search's score was too high")
    tied: list[str] = Field(
        default_factory=list[str], description="those that these seeds cannot distinguish from the winner"
    )
    simplest: str | None = Field(default=None, description="the simplest of these")
    test: OnTestData | None = Field(default=None, description="on test data; null: none, or not looked at")
    words: list[str] = Field(default_factory=list[str], description="the verdict of the study in words")
    same_rows: bool = Field(
        default=False, description="whether all seeds were measured on the same rows, to which the figures are limited"
    )


def contradictions(confirmed: ConfirmedFigures) -> Iterator[tuple[Place, str]]:
    """What cannot be true of one confirmation, each at its place below `confirmed`."""
    if len(set(confirmed.seeds)) < len(confirmed.seeds):
        yield ("seeds",), "a seed is named twice"
    for seed in confirmed.scores:
        if seed not in confirmed.seeds:
            known = ", ".join(map(str, confirmed.seeds))
            yield ("scores", str(seed)), f"{seed} is none of confirmed.seeds: {known}"
    mean = fmean(confirmed.scores.values())
    if not math.isclose(confirmed.mean, mean, rel_tol=_SAME, abs_tol=_SAME):
        yield ("mean",), f"{confirmed.mean:g}: not the mean of confirmed.scores, which is {mean:g}"
    known = ", ".join(confirmed.tied) or "none"
    winner = confirmed.winner if confirmed.tied else None
    for key, name in (("winner", winner), ("simplest", confirmed.simplest)):
        if name is not None and name not in confirmed.tied:
            yield (key,), f"{name!r}: none of confirmed.tied: {known}"
    yield from _outside((), "mean", confirmed.mean, "interval", confirmed.interval)
    yield from _outside((), "corrected", confirmed.corrected, "corrected_interval", confirmed.corrected_interval)
    test = confirmed.test
    figures: dict[Place, Figure | None] = {
        ("baseline",): confirmed.baseline,
        ("gain",): confirmed.gain,
        ("measured_gain",): confirmed.measured_gain,
        ("optimism",): confirmed.optimism,
        ("test", "winner"): test and test.winner,
        ("test", "baseline"): test and test.baseline,
        ("test", "gain"): test and test.gain,
    }
    for place, figure in figures.items():
        if figure is not None:
            yield from _outside(place, "mean", figure.mean, "interval", figure.interval)


def _outside(
    place: Place, name: str, value: float | None, key: str, interval: tuple[float, float] | None
) -> Iterator[tuple[Place, str]]:
    if interval is None or value is None:
        return
    low, high = interval
    slack = _SAME * max(abs(low), abs(high))
    if not low - slack <= value <= high + slack:
        yield (*place, key), f"[{low:g}, {high:g}]: must be [low, high] around {name}, which is {value:g}"
