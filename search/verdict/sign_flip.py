"""The exact paired sign-flip (permutation) test of a mean difference.

R. A. Fisher, The Design of Experiments (1935), section 21. If two candidates are exchangeable within a pair, each
difference is as likely with the other sign, so all 2^n patterns of signs are equally likely.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from .bootstrap import SAME
from .scores import FloatArray

EXACT_UP_TO = 14
"""Pairs up to which all patterns are counted: 16,384 of them."""
SAMPLED = 20_000
"""Patterns drawn above, "all positive" among them, so that p is never 0 (B. Phipson and G. Smyth, 2010)."""


@dataclass(frozen=True)
class SignFlip:
    """What the patterns of signs say.

    Args:
        pairs: how many differences there are.
        better: one-sided p: the share of patterns with a mean at least as high as the observed one.
        different: two-sided p: the share with a mean at least as far from zero.
        probability_better: the share of patterns with a lower mean, ties counted half. It is the P(better) of the
            report: 0.5 says nothing, and P(A better than B) + P(B better than A) = 1. It is no Bayesian posterior.
    """

    pairs: int
    better: float
    different: float
    probability_better: float


def sign_flip(differences: FloatArray) -> SignFlip:
    """The test of paired differences (pairs,), positive where the candidate is better.

    Raises:
        ValueError: no pair at all.
    """
    if not differences.size:
        raise ValueError("a sign-flip test needs at least one pair")
    sizes = np.sort(np.abs(differences))  # the same result in whatever order, and whichever is subtracted from which
    observed, tolerance = differences.sum(), SAME * sizes.sum()
    sums = _patterns(differences.size) @ sizes
    equal, higher = np.abs(sums - observed) <= tolerance, sums - observed > tolerance
    far = np.abs(sums) >= abs(observed) - tolerance
    return SignFlip(
        pairs=differences.size,
        better=float((higher | equal).mean()),
        different=float(far.mean()),
        probability_better=float(1 - higher.mean() - equal.mean() / 2),
    )


@cache
def _patterns(pairs: int) -> FloatArray:
    """Signs (patterns, pairs); with each pattern its opposite, so that both directions are judged alike."""
    if pairs <= EXACT_UP_TO:
        bits = np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1
        return 1.0 - 2.0 * bits
    half = np.random.default_rng(0).choice([-1.0, 1.0], size=(SAMPLED // 2, pairs))
    half[0] = 1.0
    return np.concatenate([half, -half])
