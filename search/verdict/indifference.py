"""The indifference set: candidates indistinguishable from the winner, and the simplest of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from .comparison import Comparison, gain_over
from .scores import Scores
from .significance import ALPHA


@dataclass(frozen=True, order=True)
class Simplicity:
    """What makes a configuration simple, in this order: fewer tasks, no augmentation, a cheaper training.

    `cost` is in any unit that is the same for all candidates, such as seconds of an equally long training.
    """

    tasks: int
    augmented: bool
    cost: float


def is_apart(winner_over: Comparison) -> bool:
    """Whether the winner is better than the other one by more than noise.

    The 95 % interval of the gain lies above zero. Where there is none, as all pairs differ by the same, the sign-flip
    test decides; a single pair decides nothing.
    """
    if interval := winner_over.gain.interval:
        return interval.low > 0
    return winner_over.gain.mean > 0 and winner_over.test.different <= ALPHA


def indifference_set(scores: Scores, winner: str) -> dict[str, Comparison | None]:
    """Whoever is tied with the winner, in the order given, and the winner's gain over each; the winner itself: None.

    Every candidate is compared at 95 % by itself, without correction for their number. That is on purpose: a correction
    would call more of them tied, and recommending a simpler one that is worse costs more than leaving an equal one
    out, which happens to one in twenty. A candidate that shares no seed with the winner is not in the set.
    """
    over = {name: gain_over(scores, winner, name) for name in scores.by_name}
    return {
        name: comparison
        for name, comparison in over.items()
        if name == winner or (comparison and not is_apart(comparison))
    }


def simplest(members: Mapping[str, Comparison | None], simplicity: Mapping[str, Simplicity]) -> str:
    """The simplest member of an indifference set; of equals, the one given first.

    Raises:
        KeyError: a member whose simplicity is not stated.
    """
    return min(members, key=simplicity.__getitem__)
