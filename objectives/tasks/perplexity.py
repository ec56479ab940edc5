"""Perplexity: the number of equally probable tokens with the same uncertainty."""

import math


def perplexity(entropy: float) -> float:
    """e^entropy, of the mean cross-entropy of a token in nats.

    Beyond e^80 no number helps anybody, and infinity would count as diverged.
    """
    return math.exp(min(entropy, 80.0))
