"""The indifference set: candidates indistinguishable from the winner, and the simplest of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .comparison import Comparison, gain_over
from .scores import Scores


@dataclass(frozen=True, order=True)
class Simplicity:
    """What makes a configuration simple, in this order: fewer tasks, no augmentation, a cheaper training.

    `cost` is in any unit that is the same for all candidates, such as seconds of an equally long training.
    """

    tasks: int
    augmented: bool
    cost: float


def is_apart(winner_over: Comparison) -> bool:
    """Whether the winner is better than the other one by more than noise: these pairs show a difference."""
    return winner_over.is_different and winner_over.gain.mean > 0


def indifference_set(
    scores: Scores, winner: str, look: int = 1, unbeaten: Collection[str] = ()
) -> dict[str, Comparison | None]:
    """Whoever is tied with the winner, in the order given, and the winner's gain over each; the winner itself: None.

    Every candidate is compared by itself, corrected for the look, but not for their number. That is on purpose: a
    correction would call more of them tied, and recommending a simpler one that is worse costs more than leaving an
    equal one out, which happens to one in twenty. A candidate that shares no seed with the winner is not in the set.

    Args:
        scores: of all.
        winner: its name.
        look: which look at the fresh seeds it is.
        unbeaten: who is tied in any case, as the baseline is that the winner is not shown to be better than.
    """
    over = {name: gain_over(scores, winner, name, look) for name in scores.by_name}
    return {
        name: comparison
        for name, comparison in over.items()
        if name == winner or (comparison and (name in unbeaten or not is_apart(comparison)))
    }


def simplest(members: Mapping[str, Comparison | None], simplicity: Mapping[str, Simplicity]) -> str:
    """The simplest member of an indifference set; of equals, the one given first.

    Raises:
        KeyError: a member whose simplicity is not stated.
    """
    return min(members, key=simplicity.__getitem__)
