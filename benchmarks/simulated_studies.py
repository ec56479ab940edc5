"""Simulated studies of known truth: a search over noisy trials, and a confirmation of its best on fresh seeds.

A training gets a validation row right when a sum of four independent normal terms is below a threshold:

- what the row is like, for whoever reads it (`SHARED` of the variance): pairing by seed removes it;
- what the row is like for this configuration, whatever its seed (`OWN`): pairing does not remove it, other rows do;
- what this training makes of this row, which is new with every seed: the rest;
- the threshold, which is the configuration's true accuracy plus a seed's luck (standard deviation `SEED_NOISE`).

All trials of a search read the same `ROWS` rows. A confirmation reads new rows with every seed, as a study does whose
validation rows are a fraction of its data, or the search's own rows, as with a validation file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]

ROWS = 200
TRIALS = 40
CONFIRMED = 3
ACCURACY = 0.8
SEED_NOISE = 0.0075
SHARED = 0.85
OWN = 0.05


@dataclass(frozen=True)
class SimulatedStudies:
    """Many studies at once; the last candidate is the baseline, those before it were chosen by search score.

    Args:
        search: search scores (studies, candidates); that of the baseline is one more trial.
        truth: true accuracies on all rows that could be drawn (studies, candidates).
        truth_here: expected accuracies on the rows of the confirmation (studies, candidates): the truth itself where
            every seed has new rows.
        fresh: confirmed scores (studies, candidates, seeds).
    """

    search: FloatArray
    truth: FloatArray
    truth_here: FloatArray
    fresh: FloatArray


def simulate(random: np.random.Generator, studies: int, edge: float, seeds: int, *, new_rows: bool) -> SimulatedStudies:
    """Studies in which one of the trials is better than all others, and than the baseline, by `edge`."""
    truth = np.full((studies, TRIALS + 1), ACCURACY)  # the baseline last
    truth[np.arange(studies), random.integers(TRIALS, size=studies)] += edge
    rows = random.normal(size=(studies, 1, ROWS))
    own = random.normal(size=(studies, TRIALS + 1, ROWS))
    search = _scores(random, truth, rows, own)
    best = np.argsort(-search[:, :TRIALS], axis=1, kind="stable")[:, :CONFIRMED]
    chosen = np.concatenate([best, np.full((studies, 1), TRIALS)], axis=1)
    truth, search = (np.take_along_axis(each, chosen, axis=1) for each in (truth, search))
    if new_rows:
        return SimulatedStudies(search, truth, truth, confirm(random, truth, seeds))
    rows, own = rows[:, :, None], np.take_along_axis(own, chosen[..., None], axis=1)[:, :, None]
    fresh = _scores(random, np.repeat(truth[..., None], seeds, axis=2), rows, own)
    return SimulatedStudies(search, truth, _expected(truth[..., None], rows, own)[..., 0], fresh)


def confirm(random: np.random.Generator, truth: FloatArray, seeds: int) -> FloatArray:
    """Scores (studies, candidates, seeds) of candidates with true accuracies (studies, candidates), on new rows."""
    studies, candidates = truth.shape
    rows = random.normal(size=(studies, 1, seeds, ROWS))
    own = random.normal(size=(studies, candidates, seeds, ROWS))
    return _scores(random, np.repeat(truth[..., None], seeds, axis=2), rows, own)


def _scores(random: np.random.Generator, truth: FloatArray, rows: FloatArray, own: FloatArray) -> FloatArray:
    """The share of right rows, of trainings with true accuracies (...); rows and own are (..., rows)."""
    threshold = ndtri((truth + SEED_NOISE * random.normal(size=truth.shape)).clip(0.01, 0.99))
    training = np.sqrt(1 - SHARED - OWN) * random.normal(size=(*truth.shape, ROWS))
    return (np.sqrt(SHARED) * rows + np.sqrt(OWN) * own + training < threshold[..., None]).mean(axis=-1)


def _expected(truth: FloatArray, rows: FloatArray, own: FloatArray) -> FloatArray:
    """The mean score on these rows over all seeds: Gauss-Hermite quadrature of the seed's luck, in three nodes."""
    known = np.sqrt(SHARED) * rows + np.sqrt(OWN) * own
    total = np.zeros_like(truth)
    for luck, weight in ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6)):
        threshold = ndtri(truth + luck * SEED_NOISE)[..., None]
        total = total + weight * ndtr((threshold - known) / np.sqrt(1 - SHARED - OWN)).mean(axis=-1)
    return total
