"""Classification's metrics from one count of guesses.

The definitions are scikit-learn's, and a test holds them to its results. Its functions check and convert their inputs
anew for each metric, which takes as long as a step of a small model.
"""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def count(truth: NDArray[np.int64], guess: NDArray[np.int64], classes: int) -> Counts:
    """How often (classes by truth, classes by guess) each guess was made."""
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def accuracy(counts: Counts) -> float:
    """The share of rows that are guessed right."""
    return float(np.trace(counts) / counts.sum())


def balanced_accuracy(counts: Counts) -> float:
    """The mean recall. A class that validation lacks has none, even where it is guessed."""
    rows = counts.sum(1)
    present = rows > 0
    return float(np.mean(np.diag(counts)[present] / rows[present]))


def macro_f1(counts: Counts) -> float:
    """The mean F1 of the classes that are there or are guessed."""
    either = counts.sum(0) + counts.sum(1)
    present = either > 0
    return float(np.mean(2 * np.diag(counts)[present] / either[present]))


def matthews(counts: Counts) -> float:
    """Matthews' correlation for several classes (Gorodkin 2004); 0 where all is guessed or true alike."""
    rows, true, guessed = int(counts.sum()), counts.sum(1), counts.sum(0)
    together = np.trace(counts) * rows - true @ guessed
    apart = float(rows**2 - true @ true) * float(rows**2 - guessed @ guessed)
    return float(together / np.sqrt(apart)) if apart else 0.0
