"""The effect of each part of the winner: the winner minus the variant without that part, seed by seed."""

from dataclasses import dataclass

from .comparison import Comparison, gain_over
from .scores import Scores
from .units import Unit


@dataclass(frozen=True)
class Effect:
    """What one part brings: positive where the winner is better with it. Its p is not corrected for other parts."""

    part: str
    comparison: Comparison

    @property
    def is_shown(self) -> bool:
        """An effect in either direction: the interval excludes zero, and so does the two-sided sign-flip test."""
        return self.comparison.is_different

    def sentence(self, unit: Unit) -> str:
        """For example "multi-task training: +1.4 points (0.5 to 2.3)"."""
        gain = self.comparison.gain
        if self.is_shown:
            return f"{self.part}: {unit.gain(gain)}"
        if not self.comparison.can_claim:
            seeds = "1 seed is" if gain.count == 1 else f"{gain.count} seeds are"
            return f"{self.part}: {unit.gain(gain)}, but {seeds} too few to show an effect"
        return f"{self.part}: no effect that {gain.count} seeds can show; measured: {unit.gain(gain)}"


def effects(scores: Scores, winner: str, look: int = 1) -> list[Effect]:
    """The effect of each part; no effect where all pairs failed.

    Args:
        scores: the winner's scores under its name, and under each part's name those of the variant without it.
        winner: its name.
        look: which look at the fresh seeds it is.
    """
    found = {part: gain_over(scores, winner, part, look) for part in scores.by_name if part != winner}
    return [Effect(part, comparison) for part, comparison in found.items() if comparison]
