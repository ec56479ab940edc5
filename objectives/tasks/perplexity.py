"""Perplexity: among how many tokens, all as probable, a guess would be as uncertain."""

import math


def perplexity(entropy: float) -> float:
    """e^entropy, of the mean cross-entropy of a token in nats.

    Beyond e^80 no number helps anybody, and infinity would count as diverged.
    """
    return math.exp(min(entropy, 80.0))
