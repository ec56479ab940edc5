"""Records of all trials, whatever their outcome, for the pictures of a study."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

import optuna
from optuna.trial import FrozenTrial

from ..roles import SECONDS

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its state in lower case, its seconds of training, and its finite values by step.

    With cross-validation `curve` is the mean over the folds so far, by their number, whatever the pruner was told.
    """

    number: int
    state: str
    seconds: float
    curve: Curve
    begun: datetime | None
    ended: datetime | None
    """In UTC, without a zone, as Optuna keeps times."""


def records_of(study: optuna.Study, *, paired: bool) -> tuple[TrialRecord, ...]:
    """All trials that began, by number. Optuna keeps no reports where there are several objectives.

    Args:
        study: the study.
        paired: whether trials reported each fold's own value, as for the Wilcoxon pruner, and not the mean so far.
    """
    curve_of = _running_means if paired else _reports
    trials = study.get_trials(deepcopy=False)
    return tuple(_record(trial, curve_of(trial)) for trial in trials if trial.datetime_start is not None)


def _reports(trial: FrozenTrial) -> Curve:
    return tuple((step, value) for step, value in sorted(trial.intermediate_values.items()) if math.isfinite(value))


def _running_means(trial: FrozenTrial) -> Curve:
    reports = _reports(trial)
    return tuple((fold, fmean(value for _, value in reports[:count])) for count, (fold, _) in enumerate(reports, 1))


def _record(trial: FrozenTrial, curve: Curve) -> TrialRecord:
    seconds = trial.user_attrs.get(SECONDS, 0.0)
    return TrialRecord(
        trial.number,
        trial.state.name.lower(),
        seconds if math.isfinite(seconds) else 0.0,
        curve,
        trial.datetime_start,
        trial.datetime_complete,
    )


def seconds_by_state(records: Sequence[TrialRecord]) -> Mapping[str, float]:
    """Seconds of training, by what became of the trials."""
    states = dict.fromkeys(record.state for record in records)
    return {state: sum(record.seconds for record in records if record.state == state) for state in states}


def period(records: Sequence[TrialRecord]) -> tuple[datetime, datetime] | None:
    """When the first trial began and the last one ended; None before any did."""
    begun = [record.begun for record in records if record.begun]
    ended = [record.ended for record in records if record.ended]
    return (min(begun), max(ended)) if begun and ended else None
