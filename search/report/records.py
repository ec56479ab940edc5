"""What each trial left behind, whatever became of it: for the pictures of a study."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial

from ..roles import SECONDS


@dataclass(frozen=True)
class TrialRecord:
    """One trial: its state in lower case, its seconds of training, and its finite reports by step or fold."""

    number: int
    state: str
    seconds: float
    curve: tuple[tuple[int, float], ...]
    begun: datetime | None = None
    ended: datetime | None = None
    """In UTC, without a zone, as Optuna keeps times."""


def records_of(study: optuna.Study) -> tuple[TrialRecord, ...]:
    """All trials that began, by number. Optuna keeps no reports where there are several objectives."""
    trials = study.get_trials(deepcopy=False)
    return tuple(_record(trial) for trial in trials if trial.datetime_start is not None)


def _record(trial: FrozenTrial) -> TrialRecord:
    seconds = trial.user_attrs.get(SECONDS, 0.0)
    return TrialRecord(
        trial.number,
        trial.state.name.lower(),
        seconds if math.isfinite(seconds) else 0.0,
        tuple((step, value) for step, value in sorted(trial.intermediate_values.items()) if math.isfinite(value)),
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
