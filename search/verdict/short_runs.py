"""How well scores at each rung predict those at full length."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .estimate import Interval
from .rank_correlation import kendall_tau

KEEP = 1 / 3
"""Asynchronous halving keeps the best third at a rung, and at least one."""

TrialScores = Mapping[int, float]
"""Trial number -> score, in the metric's unit."""


@dataclass(frozen=True)
class Rung:
    """What one rung knows of the full length.

    Args:
        step: where the rung is, in the study's steps.
        trials: how many trials have a score there, those that were pruned later or there included.
        tau: Kendall's tau-b between the scores here and at full length, of the trials that have both; None where it is
            undefined.
        interval: of tau, if enough trials have both.
        winner_rank: where the winner's trial stands here, 1 is best; of equals all have the best place.
        keeps_winner: whether halving here would have kept it; None where the trial has no score here.
    """

    step: int
    trials: int
    tau: float | None
    interval: Interval | None
    winner_rank: int | None
    keeps_winner: bool | None


@dataclass(frozen=True)
class ShortRuns:
    """All rungs, the shortest first; `safe_step` is the first from which on none would have dropped the winner."""

    rungs: tuple[Rung, ...]
    safe_step: int | None

    @property
    def warning(self) -> str | None:
        """Which rung would have dropped the winner, and from where on none would; None if none would have."""
        dropping = [rung for rung in self.rungs if rung.keeps_winner is False]
        if not dropping:
            return None
        last = dropping[-1]
        place = (
            f"keeping the best third at step {last.step} would have dropped the winner, "
            f"which was number {last.winner_rank} of {last.trials}"
        )
        if self.safe_step is None:
            return f"{place} there; no rung is long enough to tell"
        return f"{place} there; from step {self.safe_step} on it would not"


def short_runs(
    scores: Mapping[int, TrialScores], full: TrialScores, winner: int, *, maximize: bool = True
) -> ShortRuns:
    """What pruning at each rung would have done.

    Args:
        scores: rung -> trial -> score there.
        full: trial -> score at full length; pruned trials have none, so tau is that of trials that were good enough to
            be kept, among which the order is harder to see.
        winner: the trial of the confirmed winner.
        maximize: whether a higher score is better.
    """
    sign = 1.0 if maximize else -1.0
    rungs = tuple(_rung(step, _oriented(scores[step], sign), _oriented(full, sign), winner) for step in sorted(scores))
    return ShortRuns(rungs, _safe_step(rungs))


def _oriented(scores: TrialScores, sign: float) -> dict[int, float]:
    return {trial: sign * float(score) for trial, score in scores.items() if math.isfinite(score)}


def _rung(step: int, here: dict[int, float], full: dict[int, float], winner: int) -> Rung:
    both = sorted(here.keys() & full.keys())
    correlation = kendall_tau(*(np.array([scores[trial] for trial in both]) for scores in (here, full)))
    tau, interval = correlation or (None, None)
    if winner not in here:
        return Rung(step, len(here), tau, interval, None, None)
    rank = 1 + sum(score > here[winner] for score in here.values())
    kept = max(1, math.floor(KEEP * len(here)))
    return Rung(step, len(here), tau, interval, rank, rank <= kept)


def _safe_step(rungs: tuple[Rung, ...]) -> int | None:
    """The earliest rung that keeps the winner and after which every other one does; None if even the last drops it."""
    safe: int | None = None
    for rung in reversed(rungs):
        if rung.keeps_winner is False:
            break
        safe = rung.step if rung.keeps_winner else safe
    return safe
