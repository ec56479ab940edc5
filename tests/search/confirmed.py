"""Confirmations made of given scores: what `read_confirmation` would say of them."""

import math
from collections.abc import Mapping, Sequence

from autotune.search.confirmation.result import Arm, Confirmed, Tested
from autotune.search.verdict.ablation import effects
from autotune.search.verdict.comparison import gain_over
from autotune.search.verdict.estimate import estimate
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.short_runs import short_runs
from autotune.search.verdict.units import unit_of
from autotune.search.verdict.verdict import judge
from autotune.spaces.configuration import Configuration

from .built import WINNER

BASE = Configuration(learning_rate=5e-5)
BASELINE, BETTER, WORSE = (0.80, 0.79, 0.81, 0.80, 0.78, 0.80), (0.84, 0.82, 0.86, 0.83, 0.82, 0.85), (0.70,) * 6


def confirmed(
    baseline: Sequence[float] = BASELINE,
    winner: Sequence[float] = BETTER,
    other: Sequence[float] = WORSE,
    *,
    parts: Mapping[str, Sequence[float]] = {"multi-task training": BASELINE, "augmentation": BETTER[::-1]},
    missing: int = 0,
    maximize: bool = True,
    looks: Mapping[int, str | None] = {},
) -> Confirmed:
    """The baseline, trials 2 and 5, and what the best of them brings with each part; scores by seed from 1."""
    given = {"baseline": (baseline, BASE, 0), "trial 2": (winner, WINNER, 2), "trial 5": (other, WINNER, 5)}
    arms = tuple(
        Arm(name, configuration, trial, trial > 0, by_seed(scores), failed(scores), 60.0, 0.93)
        for name, (scores, configuration, trial) in given.items()
    )
    table = Scores({arm.name: arm.scores for arm in arms}, maximize)
    simplicity = {arm.name: arm.simplicity for arm in arms}
    verdict = judge(table, "baseline", simplicity, {"trial 2": 0.93}, ["trial 2", "trial 5"], len(looks) + 1)
    best = verdict.winner.name if verdict else "baseline"
    ablated = Scores({"": table.by_name[best], **{part: by_seed(parts[part]) for part in parts}}, maximize)
    estimates = {name: estimate(table.fresh(name)) for name in ("baseline", best) if table.seeds(name)}
    gain = gain_over(table, best, "baseline")
    rungs = {44: {0: 0.7, 1: 0.8, 2: 0.6, 3: 0.5}, 88: {0: 0.8, 1: 0.79, 2: 0.93}}
    return Confirmed(
        seeds=tuple(range(1, len(baseline) + 1)),
        missing=missing,
        arms=arms,
        verdict=verdict,
        unit=unit_of(table),
        effects=tuple(effects(ablated, "", len(looks) + 1)) if best != "baseline" else (),
        tested=Tested(best, table.by_name, estimates, gain) if estimates else None,
        short_runs=short_runs(rungs, {0: 0.9, 1: 0.88, 2: 0.93}, 2, maximize=maximize),
        fresh_runs=None,
        same_rows=True,
        seconds=180.0,
        looks=looks,
    )


def by_seed(scores: Sequence[float]) -> dict[int, float]:
    """The scores that are numbers, by seed."""
    return {seed: score for seed, score in enumerate(scores, 1) if not math.isnan(score)}


def failed(scores: Sequence[float]) -> dict[int, str]:
    """What went wrong where the score is NaN."""
    return {seed: "diverged: <b>a loss is NaN</b>" for seed in range(1, len(scores) + 1) if seed not in by_seed(scores)}
