"""Results of trials with and without each auxiliary task."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ...spaces.configuration import Configuration
from ..ranking import RankedTrial


@dataclass(frozen=True)
class Side:
    """The trials in which a task is on, or those in which it is off; values of the first objective, if any."""

    complete: int
    pruned: int
    best: float | None
    mean: float | None


@dataclass(frozen=True)
class Auxiliary:
    """One auxiliary task: whether the best trial has it, and how trials with and without it did."""

    name: str
    in_best: bool
    on: Side
    off: Side

    def to_json(self) -> dict[str, Any]:
        return {"in_best": self.in_best, "on": asdict(self.on), "off": asdict(self.off)}


def auxiliaries_of(
    names: Sequence[str], ranked: Sequence[RankedTrial], pruned: Sequence[Configuration]
) -> tuple[Auxiliary, ...]:
    """What complete trials, the best first, and pruned ones say of each task; nothing where no trial is complete."""
    if not ranked:
        return ()
    return tuple(
        Auxiliary(
            name, name in ranked[0].configuration.ratios, *(_side(name, ranked, pruned, on=on) for on in (True, False))
        )
        for name in names
    )


def _side(name: str, ranked: Sequence[RankedTrial], pruned: Sequence[Configuration], *, on: bool) -> Side:
    values = [trial.value for trial in ranked if (name in trial.configuration.ratios) is on]
    stopped = sum((name in configuration.ratios) is on for configuration in pruned)
    return Side(len(values), stopped, values[0] if values else None, fmean(values) if values else None)
