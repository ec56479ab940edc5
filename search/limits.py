"""Limits and defaults that the command line states too. Nothing heavy is imported, so that it starts fast."""

LARGEST_SEED = 2**32 - 1
"""What NumPy's and scikit-learn's generators take."""
CANDIDATES, MOST_CANDIDATES = 3, 20
"""Best trials that a confirmation trains again."""
SEEDS, MOST_SEEDS = 6, 100
"""Fresh seeds of a confirmation."""
