"""Early stopping inside a trial (Prechelt 1998): patience, counted in evaluations without a new best."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """What a trial remembers of its evaluations."""

    best: float | None = None
    waited: int = 0
    """Evaluations since the best one."""

    def after(self, value: float, *, maximize: bool) -> "Patience":
        """The memory after one more evaluation; an equal value is no new best."""
        if self.best is None or (value > self.best if maximize else value < self.best):
            return Patience(value)
        return Patience(self.best, self.waited + 1)
