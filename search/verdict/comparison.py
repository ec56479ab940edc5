"""Candidates against a reference on the same seeds: the gain, its interval and significance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..wording import counted, p_value
from .estimate import Estimate, estimate
from .scores import Scores
from .sign_flip import SignFlip, sign_flip
from .significance import ALPHA, fewest_pairs, holm, level_of, pairs_needed, weight_of


@dataclass(frozen=True)
class Comparison:
    """One candidate against the reference.

    Args:
        gain: mean paired difference, positive where the candidate is better, with an interval at the level of the look.
        test: the exact sign-flip test of the same differences.
        corrected: Holm's p that it is better (one-sided), corrected for all `comparisons` made together, and the look.
        comparisons: how many candidates were compared.
        look: which look at the fresh seeds it is: 1, and one more each time seeds were added after a look.
        is_gated: whether those compared before it keep it from any claim, as not all of them are better.
    """

    gain: Estimate
    test: SignFlip
    corrected: float
    comparisons: int
    look: int = 1
    is_gated: bool = False

    @property
    def is_different(self) -> bool:
        """Whether these pairs, by themselves, show a difference in either direction.

        The two-sided p is at most 5 %, which fewer than six pairs never reach, and the interval may not say otherwise.
        """
        return weight_of(self.look) * self.test.different <= ALPHA and not self.gain.may_be_zero

    @property
    def is_better(self) -> bool:
        """Whether "better" may be claimed: Holm's one-sided p keeps wrong claims among all candidates at 5 %."""
        return self.corrected <= ALPHA and self.is_different

    @property
    def can_claim(self) -> bool:
        """Whether there are pairs enough to claim anything; of fewer no gain could, however large."""
        return self.test.pairs >= fewest_pairs(self.comparisons, self.look)

    @property
    def pairs_needed(self) -> int | None:
        """Pairs that would show a gain like this one, so more than there are where these do not show it.

        More are the next look, unless these could claim nothing. None for more than 100, or where there
        is no gain to show, or no number would help.
        """
        if self.gain.mean <= 0 or self.is_gated:
            return None
        look = self.look + (self.can_claim and not self.is_better)
        needed = pairs_needed(self.gain.mean, self.gain.spread, self.comparisons, look)
        return needed if self.is_better or needed is None else max(needed, self.test.pairs + 1)

    @property
    def shown(self) -> str:
        """What these pairs show; a clause."""
        seeds = counted(self.test.pairs, "seed")
        if self.is_better:
            counts = {"comparisons": self.comparisons, "looks": self.look}
            among = " and ".join(f"{count} {what}" for what, count in counts.items() if count > 1)
            return f"better on {seeds} ({p_value(self.corrected)}{among and f', corrected for {among}'})"
        if self.gain.mean <= 0:
            return f"not better on {seeds}"
        return f"{seeds} {'do' if self.test.pairs > 1 else 'does'} not show that it is better"

    @property
    def evidence(self) -> str:
        """The same, and how many pairs would be needed if these show no gain that there seems to be."""
        return self.shown if self.is_better or self.gain.mean <= 0 else f"{self.shown}; {self._outlook()}"

    def _outlook(self) -> str:
        if self.is_gated:
            return "it is tested only if all of the search's candidates are better, and they are not"
        if self.gain.count == 1:
            return f"at least {fewest_pairs(self.comparisons, self.look)} are needed"
        needed = "more than 100" if self.pairs_needed is None else f"about {self.pairs_needed}"
        return f"a gain like this one needs {needed}"


def compare(scores: Scores, candidates: Iterable[str], reference: str, look: int = 1) -> dict[str, Comparison]:
    """Every candidate against the reference; without those that share no successful seed with it."""
    gains = {name: scores.gains(name, reference) for name in candidates if name != reference}
    tests = {name: sign_flip(differences) for name, differences in gains.items() if differences.size}
    corrected = holm({name: min(1.0, weight_of(look) * test.better) for name, test in tests.items()})
    gained = {name: estimate(gains[name], level_of(look)).within(*scores.gain_range) for name in tests}
    return {name: Comparison(gained[name], test, corrected[name], len(tests), look) for name, test in tests.items()}


def compare_in_order(
    scores: Scores, families: Iterable[Iterable[str]], reference: str, look: int = 1
) -> dict[str, Comparison]:
    """Families of candidates, the most important first; a later one may claim only what all before it could.

    So a later family takes no power from the first, and wrong claims in all together stay at 5 %: P. H. Westfall and
    A. Krishen, "Optimally Weighted, Fixed Sequence and Gatekeeper Multiple Testing Procedures", Journal of
    Statistical Planning and Inference 99 (2001) 25-40.
    """
    found: dict[str, Comparison] = {}
    for family in families:
        is_gated = not all(each.is_better for each in found.values())
        gate = 1.0 if is_gated else max((each.corrected for each in found.values()), default=0.0)
        for name, comparison in compare(scores, family, reference, look).items():
            found[name] = replace(comparison, corrected=max(gate, comparison.corrected), is_gated=is_gated)
    return found


def gain_over(scores: Scores, name: str, over: str, look: int = 1) -> Comparison | None:
    """One candidate against one other, corrected for the look alone; None where they share no successful seed."""
    return compare(scores, [name], over, look).get(name)
