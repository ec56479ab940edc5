"""The report's sentences on one complete trial, alone or on the front."""

from statistics import stdev

from rich.text import Text

from .. import wording
from ..ranking import RankedTrial
from ..summary.summary import Summary

NOTE = "dim"


def reached(trial: RankedTrial, objective: int = 0) -> str:
    """A trial's value of one objective, with the standard deviation over its folds."""
    value = trial.values[objective]
    told = wording.number(value)
    return f"{told} ± {wording.difference(stdev(trial.folds[objective]), value)}" if trial.folds else told


def luck(raced: int) -> Text:
    """How far the best of so many trials can be trusted."""
    return Text(
        f"The best of {raced} noisy trials is partly luck (winner's curse) until it is confirmed on fresh seeds."
        if raced > 1
        else "One trial is one noisy measurement, not a finding.",
        style=NOTE,
    )


def role_of(summary: Summary, trial: RankedTrial) -> str:
    """What a configuration is introduced by, if it was given."""
    if summary.baseline and trial.number == summary.baseline.number:
        return "baseline: "
    is_equal = summary.equal_weights and trial.number == summary.equal_weights.number
    return "equal weights: " if is_equal else ""
