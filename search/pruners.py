"""Pruners: Optuna's, configured for our rungs, and two of our own."""

import copy
import math
import warnings
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
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
from optuna.trial import FrozenTrial, TrialState

from .study_file.schema import StudyFile

_ETA = 3
"""Successive halving keeps a third: the choice of the Hyperband and ASHA papers."""
FEWEST_FOR_WILCOXON = 5
"""Its test reaches p < 0.1 after four folds at the earliest (2^-4 = 0.06, all four lost to the best trial)."""
_FOLDS_FOR_WILCOXON = 2 * FEWEST_FOR_WILCOXON
"""Of ten folds it can spare six; of five the last one only, which is too little to prune by."""


def make_pruner(name: str, rungs: Sequence[int], one_epoch_step: int, trials: int, folds: int | None) -> BasePruner:
    """Make the pruner of that name.

    Args:
        name: a pruner of the study file, `auto` included.
        rungs: the main-task optimizer steps at which every trial reports, ascending; the last is its end.
        one_epoch_step: the step that ends the first epoch.
        trials: the study's total.
        folds: of a cross-validation, where each is a rung: a trial reports at 1, 2, ... and not at `rungs`, and the
            first fold is its first epoch.
    """
    percentile = PercentilePruner
    if folds is not None:
        rungs, one_epoch_step, percentile = range(1, folds + 1), 1, PercentileOfMeansPruner
    makers: dict[str, Callable[[], BasePruner]] = {
        "asha": lambda: HalvingByRungs(rungs),
        "hyperband": lambda: HyperbandByRungs(rungs),
        "median": lambda: percentile(50.0, n_startup_trials=_complete_before_pruning(trials)),
        "percentile": lambda: percentile(75.0, n_startup_trials=_complete_before_pruning(trials)),
        "wilcoxon": _wilcoxon,
        "one-epoch": lambda: OneEpochPruner(one_epoch_step, keep=kept_after_one_epoch(trials)),
        "none": NopPruner,
    }
    return makers[meant_pruner(name, folds)]()


def pruner_of(file: StudyFile) -> str:
    """Return the pruner that a study's trials meet; none where they have several values."""
    return "none" if len(file.objectives) > 1 else meant_pruner(file.search.pruner, file.data.folds)


def meant_pruner(name: str, folds: int | None) -> str:
    """Return the pruner that a name means: `auto` the one that did best in benchmarks/samplers.py (docs/samplers.md).

    Between folds that is the Wilcoxon pruner, where there are enough of them for it to be of use.
    """
    if name != "auto":
        return name
    return "wilcoxon" if folds is not None and folds >= _FOLDS_FOR_WILCOXON else "percentile"


def never_pruned(name: str, trials: int) -> int | None:
    """Return how many trials at least are trained to their end, whatever they reach; None where nobody can say.

    Args:
        name: a pruner, not `auto`.
        trials: the study's total.
    """
    known = {
        "median": _complete_before_pruning(trials),
        "percentile": _complete_before_pruning(trials),
        "one-epoch": kept_after_one_epoch(trials),
        "asha": 1,  # the first at a rung is the best there
        "none": trials,
    }
    return min(known[name], trials) if name in known else None


def is_paired(pruner: BasePruner) -> bool:
    """Whether a pruner compares trials fold by fold, so that it must hear each fold's own value."""
    return isinstance(pruner, WilcoxonPruner)


def kept_after_one_epoch(trials: int) -> int:
    """Return how many of the best trials after one epoch go on."""
    return max(3, trials // 12)


def _complete_before_pruning(trials: int) -> int:
    """Return how many trials must be complete before one is pruned: Optuna's 5, fewer in a short search."""
    return max(2, min(5, trials // 4))


def _wilcoxon() -> BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # Optuna's constraint on itself, not news for a user
        return WilcoxonPruner()


class HalvingByRungs(SuccessiveHalvingPruner):
    """Optuna's successive halving at rung 1, 3, 9, ..., counted, as their steps are rounded: 6, 11, 17, 23, ...

    Args:
        rungs: the steps at which every trial reports, ascending.
    """

    def __init__(self, rungs: Sequence[int]) -> None:
        super().__init__(min_resource=1, reduction_factor=_ETA)
        self._rungs = rungs

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return super().prune(study, _by_rung(trial, self._rungs))


class HyperbandByRungs(HyperbandPruner):
    """Optuna's hyperband over rungs, counted as in `HalvingByRungs`; a kind of it, as its samplers look for that."""

    def __init__(self, rungs: Sequence[int]) -> None:
        super().__init__(min_resource=1, max_resource=len(rungs), reduction_factor=_ETA)
        self._rungs = rungs

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return super().prune(study, _by_rung(trial, self._rungs))


def _by_rung(trial: FrozenTrial, rungs: Sequence[int]) -> FrozenTrial:
    """The trial as if its rungs were the steps 1, 2, 3, ..."""
    numbered = copy.copy(trial)
    numbered.intermediate_values = {
        bisect_left(rungs, step) + 1: value for step, value in trial.intermediate_values.items()
    }
    return numbered


class PercentileOfMeansPruner(BasePruner):
    """Of a cross-validation: keep a trial whose mean so far is among the best of those of complete trials.

    Optuna's percentile pruner takes the best that a trial has reported. That is what a trial is worth whose best rung
    counts; a mean that a lucky fold began with is worth nothing any more.

    Args:
        percentile: of the complete trials, so many percent are good enough.
        n_startup_trials: so many are complete before one is pruned.
    """

    def __init__(self, percentile: float, n_startup_trials: int) -> None:
        self._percentile = percentile
        self._n_startup_trials = n_startup_trials

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        if (fold := trial.last_step) is None:
            return False
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        means = [other.intermediate_values[fold] for other in complete if fold in other.intermediate_values]
        if len(complete) < self._n_startup_trials or not means:
            return False
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        least = np.nanpercentile([sign * mean for mean in means], 100 - self._percentile)
        return not sign * trial.intermediate_values[fold] >= least  # not a number is never kept


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
