"""How much of a selected score is luck, by seeds that had no part in the selection."""

import math
from functools import cache
from itertools import combinations

import numpy as np

from .scores import FloatArray

EXACT_UP_TO = 12
"""Seeds up to which all splits in halves are made: 924 of them."""
SAMPLED = 1_000


def selection_luck(scores: FloatArray, best: int) -> float | None:
    """How much the best mean is too high for having been chosen; None where no seeds can tell, as of one.

    The seeds are split in halves in every way; the candidate with the best mean on one half is compared with the best
    of all on the other. The best of several noisy means is partly lucky, and less this luck it is unbiased for the
    choice by half the seeds, which is a little worse than that by all. M. Stone, "Cross-Validatory Choice and
    Assessment of Statistical Predictions", Journal of the Royal Statistical Society B 36 (1974) 111-147.

    With failed trainings every mean is of the scores there are, as in the choice itself; a split tells nothing unless
    the best has scores on both halves, and the chosen one on the held-out half. Luck is never negative, as that of no
    split is where nothing failed.

    Args:
        scores: (candidates, seeds), higher is better; not a number where the training failed.
        best: the row with the best mean.
    """
    held_out = _halves(scores.shape[1])
    choosing, left = _means(scores, 1 - held_out), _means(scores, held_out)
    chosen = np.argmax(np.nan_to_num(choosing, nan=-np.inf), axis=0)
    luck = left[best] - left[chosen, np.arange(len(held_out))]
    told = luck[~np.isnan(luck + choosing[best])]
    return max(float(told.mean()), 0.0) if told.size else None


def _means(scores: FloatArray, halves: FloatArray) -> FloatArray:
    """Of each candidate on each half (candidates, splits); not a number where it has no score there."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(scores) @ halves.T / (~np.isnan(scores) @ halves.T)


@cache
def _halves(seeds: int) -> FloatArray:
    """1 where a seed is held out, else 0 (splits, seeds); of an odd number the smaller part is held out."""
    size = seeds // 2
    if math.comb(seeds, size) <= math.comb(EXACT_UP_TO, EXACT_UP_TO // 2):
        places = np.array(list(combinations(range(seeds), size)), dtype=np.int64)
    else:
        random = np.random.default_rng(0)
        places = random.permuted(np.tile(np.arange(seeds), (SAMPLED, 1)), axis=1)[:, :size]
    halves = np.zeros((len(places), seeds))
    np.put_along_axis(halves, places, 1.0, axis=1)
    return halves
