"""All of the verdict's numbers from the scores of fresh trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .comparison import Comparison, compare_in_order
from .estimate import Estimate, estimate
from .indifference import Simplicity, indifference_set, simplest
from .optimism import optimism_gap
from .scores import Scores
from .winner import Winner, choose_winner


@dataclass(frozen=True)
class Verdict:
    """What to believe.

    Args:
        baseline: the candidate that the others are compared with.
        winner: the best by confirmed scores (`choose_winner`).
        scores: each candidate's mean fresh score, in the metric's unit.
        comparisons: each candidate against the baseline, corrected for their number.
        optimism: search score minus fresh score, for candidates whose search score is known.
        tied: the indifference set: who cannot be told from the winner, and the winner's gain over each; the baseline
            unless the winner is shown to be better.
        simplest: the simplest of these.
    """

    baseline: str
    winner: Winner
    scores: dict[str, Estimate]
    comparisons: dict[str, Comparison]
    optimism: dict[str, Estimate]
    tied: dict[str, Comparison | None]
    simplest: str

    @property
    def passed_over(self) -> list[str]:
        """Who has a greater gain than the winner, but is not shown to be better than the baseline, as the winner is."""
        if not self.is_better:
            return []
        gain = self.comparisons[self.winner.name].gain.mean
        return [name for name, each in self.comparisons.items() if each.gain.mean > gain and not each.is_better]

    @property
    def proven_too(self) -> list[str]:
        """Who is shown to be better than the baseline, though the winner, which has a greater gain, is not."""
        proven = [name for name, comparison in self.comparisons.items() if comparison.is_better]
        return [] if self.is_better else [name for name in proven if name != self.winner.name]

    @property
    def is_better(self) -> bool:
        """Whether the winner may be called better than the baseline, which its corrected gain must not contradict."""
        return _is_better(self.winner, self.comparisons)


def judge(
    scores: Scores,
    baseline: str,
    simplicity: Mapping[str, Simplicity],
    search_scores: Mapping[str, float],
    candidates: Sequence[str] | None = None,
    look: int = 1,
) -> Verdict | None:
    """The verdict; None if every training failed.

    Args:
        scores: of all candidates, the baseline among them.
        baseline: its name.
        simplicity: of every candidate that has scores.
        search_scores: what the search said, in the metric's unit, of the candidates that it tried.
        candidates: those that the search proposes; by default all. The others, such as its variants with equal weights,
            are compared after them, so that they take no power from them: three comparisons can be claimed with six
            pairs, four to six need seven.
        look: which look at the fresh seeds it is: 1, and one more each time seeds were added after a look.

    Raises:
        KeyError: a name that the scores lack, or a candidate without its simplicity.
    """
    first = list(scores.by_name) if candidates is None else candidates
    others = [name for name in scores.by_name if name not in first]
    comparisons = compare_in_order(scores, [first, others], baseline, look)
    winner = choose_winner(scores, baseline, comparisons, look)
    if winner is None:
        return None
    # Whom the winner surpasses may be proven better than the baseline, where the winner was not tested itself.
    proven = [name for name, comparison in comparisons.items() if comparison.is_better and name != winner.name]
    unbeaten = [] if proven or _is_better(winner, comparisons) else [baseline]
    tied = indifference_set(scores, winner.name, look, unbeaten)
    gaps = {name: optimism_gap(scores, name, score) for name, score in search_scores.items()}
    fresh = {name: scores.fresh(name) for name in scores.by_name}
    return Verdict(
        baseline,
        winner,
        scores={name: estimate(own).within(*scores.range) for name, own in fresh.items() if own.size},
        comparisons=comparisons,
        optimism={name: gap for name, gap in gaps.items() if gap},
        tied=tied,
        simplest=simplest(tied, simplicity),
    )


def _is_better(winner: Winner, comparisons: Mapping[str, Comparison]) -> bool:
    comparison, gain = comparisons.get(winner.name), winner.gain
    return bool(comparison and comparison.is_better and gain and not gain.may_be_zero)
