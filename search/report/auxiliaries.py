"""What the trials say of each auxiliary task: with it and without it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from .ranking import RankedTrial


@dataclass(frozen=True)
class Side:
    """The complete trials in which a task is on, or those in which it is off; values of the first objective."""

    trials: int
    best: float
    mean: float


@dataclass(frozen=True)
class Auxiliary:
    """One auxiliary task: whether the best trial has it, and how trials with and without it did."""

    name: str
    in_best: bool
    on: Side | None
    off: Side | None

    def to_json(self) -> dict[str, Any]:
        return {"in_best": self.in_best, "on": self.on and asdict(self.on), "off": self.off and asdict(self.off)}


def auxiliaries_of(names: Sequence[str], ranked: Sequence[RankedTrial]) -> tuple[Auxiliary, ...]:
    """What complete trials, the best first, say of each auxiliary; nothing where no trial is complete."""
    if not ranked:
        return ()
    return tuple(_auxiliary(name, ranked) for name in names)


def _auxiliary(name: str, ranked: Sequence[RankedTrial]) -> Auxiliary:
    on, off = (
        [trial.value for trial in ranked if (name in trial.configuration.ratios) is is_on] for is_on in (True, False)
    )
    return Auxiliary(name, name in ranked[0].configuration.ratios, _side(on), _side(off))


def _side(values: Sequence[float]) -> Side | None:
    return Side(len(values), values[0], fmean(values)) if values else None
