"""The complete trials of a study, the best first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..spaces.configuration import Configuration
from .roles import BEST_STEP, CONFIGURATION, FOLDS, MAIN_TASK, OBJECTIVE


@dataclass(frozen=True)
class RankedTrial:
    """A COMPLETE trial: what it reached at which main-task step, and what it trained.

    `values` has one value for each objective: that of its best evaluation, or the mean over its folds. `folds` has
    each objective's value on every fold, and is empty without cross-validation.
    """

    number: int
    values: tuple[float, ...]
    step: int
    configuration: Configuration
    folds: tuple[tuple[float, ...], ...] = ()

    @property
    def value(self) -> float:
        """The value of the first objective, by which trials are ranked."""
        return self.values[0]


def objectives_of(study: optuna.Study) -> dict[str, str]:
    """The direction of each of a study's objectives, "maximize" or "minimize", by name."""
    given: str | list[str] = study.user_attrs[OBJECTIVE]
    names = [given] if isinstance(given, str) else given
    return {name: direction.name.lower() for name, direction in zip(names, study.directions, strict=True)}


def is_ours(trial: FrozenTrial) -> bool:
    """Whether a finished trial was trained here.

    One that another program added or told, such as a dashboard, has no configuration to train again, or no step of
    its best evaluation: it counts as ended, and is never the best.
    """
    return {CONFIGURATION, BEST_STEP} <= trial.user_attrs.keys()


def ranked_trials(study: optuna.Study) -> list[RankedTrial]:
    """All COMPLETE trials of autotune with finite values, the best in the first objective first.

    Of those equal there, first come those of the Pareto front, so that the best is one of it; then the earlier.
    """
    main_task = study.user_attrs[MAIN_TASK]
    measures = [name.removeprefix(f"{main_task}.") for name in objectives_of(study)]
    sign = -1.0 if study.directions[0] == StudyDirection.MAXIMIZE else 1.0
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ranked = [
        _ranked(trial, measures) for trial in complete if is_ours(trial) and all(map(math.isfinite, trial.values))
    ]
    front = {trial.number for trial in study.best_trials} if len(study.directions) > 1 else set[int]()
    return sorted(ranked, key=lambda trial: (sign * trial.value, trial.number not in front, trial.number))


def _ranked(trial: FrozenTrial, measures: Sequence[str]) -> RankedTrial:
    known = trial.user_attrs
    configuration = Configuration.model_validate(known[CONFIGURATION])
    folds = tuple(tuple(known[FOLDS][name]) for name in measures) if FOLDS in known else ()
    return RankedTrial(trial.number, tuple(trial.values), known[BEST_STEP], configuration, folds)
