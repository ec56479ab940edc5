"""Candidates against a reference on the same seeds: the gain, its interval and significance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..wording import counted
from .estimate import Estimate, estimate
from .scores import Scores
from .sign_flip import SignFlip, sign_flip
from .significance import ALPHA, fewest_pairs, holm, pairs_needed


@dataclass(frozen=True)
class Comparison:
    """One candidate against the reference.

    Args:
        gain: mean paired difference with its interval; positive where the candidate is better.
        test: the exact sign-flip test of the same differences.
        corrected: Holm's p that it is better (one-sided), corrected for all `comparisons` made together.
        comparisons: how many candidates were compared.
        is_gated: whether those compared before it keep it from any claim, as not all of them are better.
    """

    gain: Estimate
    test: SignFlip
    corrected: float
    comparisons: int = 1
    is_gated: bool = False

    @property
    def is_better(self) -> bool:
        """Whether "better" may be claimed.

        Holm's one-sided p keeps wrong claims among all candidates at 5 %; the two-sided p of the candidate alone, also
        at 5 %, keeps fewer than six pairs from claiming anything; and the interval may not say otherwise.
        """
        return self.corrected <= ALPHA and self.test.different <= ALPHA and not self.gain.may_be_zero

    @property
    def can_claim(self) -> bool:
        """Whether there are pairs enough to claim anything; of fewer no gain could, however large."""
        return self.test.pairs >= fewest_pairs(self.comparisons)

    @property
    def pairs_needed(self) -> int | None:
        """Pairs that would show a gain like this one, so more than there are where these do not show it.

        None for more than 100, or where there is no gain to show, or no number would help.
        """
        if self.gain.mean <= 0 or self.is_gated:
            return None
        needed = pairs_needed(self.gain.mean, self.gain.spread, self.comparisons)
        return needed if self.is_better or needed is None else max(needed, self.test.pairs + 1)

    @property
    def evidence(self) -> str:
        """What these pairs show, and how many would be needed if they show nothing; a clause."""
        seeds = counted(self.test.pairs, "seed")
        if self.is_better:
            among = f", corrected for {self.comparisons} comparisons" if self.comparisons > 1 else ""
            return f"better on {seeds} (p = {self.corrected:.3f}{among})"
        if self.gain.mean <= 0:
            return f"not better on {seeds}"
        return f"{seeds} {'do' if self.test.pairs > 1 else 'does'} not show that it is better; {self._outlook()}"

    def _outlook(self) -> str:
        if self.is_gated:
            return "it is tested only if all of the search's candidates are better, and they are not"
        if self.gain.count == 1:
            return f"at least {fewest_pairs(self.comparisons)} are needed"
        needed = "more than 100" if self.pairs_needed is None else f"about {self.pairs_needed}"
        return f"a gain like this one needs {needed}"


def compare(scores: Scores, candidates: Iterable[str], reference: str) -> dict[str, Comparison]:
    """Every candidate against the reference; without those that share no successful seed with it."""
    gains = {name: scores.gains(name, reference) for name in candidates if name != reference}
    tests = {name: sign_flip(differences) for name, differences in gains.items() if differences.size}
    corrected = holm({name: test.better for name, test in tests.items()})
    return {name: Comparison(estimate(gains[name]), test, corrected[name], len(tests)) for name, test in tests.items()}


def compare_in_order(scores: Scores, families: Iterable[Iterable[str]], reference: str) -> dict[str, Comparison]:
    """Families of candidates, the most important first; a later one may claim only what all before it could.

    So a later family takes no power from the first, and wrong claims in all together stay at 5 %: P. H. Westfall and
    A. Krishen, "Optimally Weighted, Fixed Sequence and Gatekeeper Multiple Testing Procedures", Journal of
    Statistical Planning and Inference 99 (2001) 25-40.
    """
    found: dict[str, Comparison] = {}
    for family in families:
        is_gated = not all(each.is_better for each in found.values())
        gate = 1.0 if is_gated else max((each.corrected for each in found.values()), default=0.0)
        for name, comparison in compare(scores, family, reference).items():
            found[name] = replace(comparison, corrected=max(gate, comparison.corrected), is_gated=is_gated)
    return found


def gain_over(scores: Scores, name: str, over: str) -> Comparison | None:
    """One candidate against one other, corrected for nothing; None where they share no successful seed."""
    return compare(scores, [name], over).get(name)
