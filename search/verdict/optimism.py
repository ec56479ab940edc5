"""The optimism of a search score."""

import math

from .estimate import Estimate, estimate
from .scores import Scores


def optimism_gap(scores: Scores, name: str, search_score: float) -> Estimate | None:
    """Search score minus fresh score, positive where the search promised too much; None if nothing fresh is there.

    The best of many noisy trials is chosen for its luck too, which a fresh seed does not have (the winner's curse). The
    interval is that of the fresh scores: the search score is one number, the promise that was made.
    """
    fresh = scores.fresh(name)
    if not fresh.size or not math.isfinite(search_score):
        return None
    return estimate(scores.better_by(search_score, fresh))
