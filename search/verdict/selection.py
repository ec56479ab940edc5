"""The corrected score of a selection, on seeds that had no part in it."""

import math
from functools import cache
from itertools import combinations

import numpy as np

from .scores import FloatArray

EXACT_UP_TO = 12
"""Seeds up to which all splits in halves are made: 924 of them."""
SAMPLED = 1_000


def held_out_mean(scores: FloatArray, values: FloatArray) -> float:
    """The mean of `values` of whoever is chosen, on the seeds that did not choose.

    The seeds are split in halves in every way; the candidate with the best mean of `scores` on one half is measured on
    the other. The best of several noisy means is partly lucky, this mean is not: it is unbiased for the choice by half
    the seeds, which is a little worse than that by all. M. Stone, "Cross-Validatory Choice and Assessment of
    Statistical Predictions", Journal of the Royal Statistical Society B 36 (1974) 111-147.

    Args:
        scores: (candidates, seeds), two seeds at least, higher is better.
        values: (candidates, seeds), what is wanted of the chosen one.
    """
    held_out = _halves(scores.shape[1])
    chosen = np.argmax(scores @ (1 - held_out).T, axis=0)
    return float((values[chosen] * held_out).sum(axis=1).mean() / held_out[0].sum())


@cache
def _halves(seeds: int) -> FloatArray:
    """1 where a seed is held out, else 0 (splits, seeds); of an odd number the smaller part is held out."""
    size = seeds // 2
    if math.comb(seeds, size) <= math.comb(EXACT_UP_TO, EXACT_UP_TO // 2):
        places = np.array(list(combinations(range(seeds), size)))
    else:
        random = np.random.default_rng(0)
        places = random.permuted(np.tile(np.arange(seeds), (SAMPLED, 1)), axis=1)[:, :size]
    halves = np.zeros((len(places), seeds))
    np.put_along_axis(halves, places, 1.0, axis=1)
    return halves
