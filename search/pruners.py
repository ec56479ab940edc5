"""Who ends a hopeless trial early: Optuna's pruners, set to a study's rungs, and one of our own."""

import math
import warnings
from collections.abc import Callable, Sequence

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

_ETA = 3
"""Successive halving keeps a third: the choice of the Hyperband and ASHA papers."""
FEWEST_FOR_WILCOXON = 5
"""Its test reaches p < 0.1 after four folds at the earliest (2^-4 = 0.06, all four lost to the best trial)."""
_FOLDS_FOR_WILCOXON = 2 * FEWEST_FOR_WILCOXON
"""Of ten folds it can spare six; of five the last one only, which is too little to prune by."""


def make_pruner(
    name: str, rungs: Sequence[int], one_epoch_step: int, trials: int, folds: int | None = None
) -> BasePruner:
    """Make the pruner of that name.

    Args:
        name: a pruner of the study file, `auto` included.
        rungs: the main-task optimizer steps at which every trial reports, ascending; the last is its end.
        one_epoch_step: the step that ends the first epoch.
        trials: the study's total.
        folds: of a cross-validation, where each is a rung: a trial reports at 1, 2, ... and not at `rungs`, and the
            first fold is its first epoch.
    """
    if name == "auto":
        name = automatic_pruner(trials, folds)
    if folds is not None:
        rungs, one_epoch_step = range(1, folds + 1), 1
    makers: dict[str, Callable[[], BasePruner]] = {
        "asha": lambda: SuccessiveHalvingPruner(min_resource=rungs[0], reduction_factor=_ETA),
        "hyperband": lambda: HyperbandPruner(min_resource=rungs[0], max_resource=rungs[-1], reduction_factor=_ETA),
        "median": lambda: PercentilePruner(50.0, n_startup_trials=_startup(trials)),
        "percentile": lambda: PercentilePruner(75.0, n_startup_trials=_startup(trials)),
        "wilcoxon": _wilcoxon,
        "one-epoch": lambda: OneEpochPruner(one_epoch_step, keep=kept_after_one_epoch(trials)),
        "none": NopPruner,
    }
    return makers[name]()


def automatic_pruner(trials: int, folds: int | None = None) -> str:
    """Return the pruner that did best at this budget in benchmarks/samplers.py (docs/samplers.md).

    Between folds the Wilcoxon pruner, where there are enough of them for it to be of use.
    """
    return "wilcoxon" if folds is not None and folds >= _FOLDS_FOR_WILCOXON else "percentile"


def is_paired(pruner: BasePruner) -> bool:
    """Whether a pruner compares trials fold by fold, so that it must hear each fold's own value."""
    return isinstance(pruner, WilcoxonPruner)


def kept_after_one_epoch(trials: int) -> int:
    """Return how many of the best trials after one epoch go on."""
    return max(3, trials // 12)


def _startup(trials: int) -> int:
    """Return how many trials must be complete before one is pruned: Optuna's 5, fewer in a short search."""
    return max(2, min(5, trials // 4))


def _wilcoxon() -> BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # Optuna's constraint on itself, not news for a user
        return WilcoxonPruner()


class OneEpochPruner(BasePruner):
    """Keep a trial after one epoch only if it is among the best `keep` of all that got so far.

    Egele et al., "Is One Epoch All You Need For Multi-Fidelity Hyperparameter Optimization?"
    (arXiv 2307.15422) train every configuration for one epoch and the top ones in full, which is as good as
    Hyperband and its kin at a fraction of the cost. Trials come one after another here, so each is compared with
    those that reached the epoch before it: the first `keep` always go on, and in random order
    `keep · (1 + ln(n / keep))` of n do. Not a number is never kept.
    """

    def __init__(self, step: int, keep: int) -> None:
        self._step = step
        self._keep = keep

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        at = self._decisive_step(trial)
        if at is None or at != trial.last_step:
            return False
        value = trial.intermediate_values[at]
        if math.isnan(value):
            return True
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        better = sum(sign * other > sign * value for other in self._others(study, trial))
        return better >= self._keep

    def _decisive_step(self, trial: FrozenTrial) -> int | None:
        return min((step for step in trial.intermediate_values if step >= self._step), default=None)

    def _others(self, study: Study, trial: FrozenTrial) -> list[float]:
        """Return what all other trials reported at their end of the first epoch."""
        others = (other for other in study.get_trials(deepcopy=False) if other.number != trial.number)
        return [other.intermediate_values[at] for other in others if (at := self._decisive_step(other)) is not None]
