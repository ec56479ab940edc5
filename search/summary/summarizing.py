"""From a stored study to its summary, read-only."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ...objectives.data.cleaning import Finding
from ...spaces.configuration import Configuration
from ..ranking import RankedTrial, objectives_of, ranked_trials
from ..roles import (
    AUGMENTATION,
    AUXILIARY_TASKS,
    BASELINE,
    CLEANING,
    CONFIGURATION,
    ENCODER,
    EQUAL_WEIGHTS,
    MAIN_TASK,
    MAX_STEPS,
    NORMALISERS,
    REVISION,
    ROLE,
    SECONDS,
    TOTAL,
    failure_told,
)
from .auxiliaries import auxiliaries_of
from .importance import parameter_importances
from .summary import Augmentation, Counts, FailureGroup, Summary

_MIX_PARAMETER = "augmentation.mix."


def summarize(study: optuna.Study, *, importance: bool = True) -> Summary:
    """Read the facts of a study that the tuner wrote; nothing is written.

    Importances take longer than all else together, as Optuna imports scikit-learn for them.
    """
    trials = study.get_trials(deepcopy=False)
    attributes = study.user_attrs
    complete = ranked_trials(study)
    roles = {trial.number: trial.user_attrs.get(ROLE) for trial in trials}
    return Summary(
        study=study.study_name,
        objectives=objectives_of(study),
        main_task=attributes[MAIN_TASK],
        auxiliary_tasks=tuple(attributes[AUXILIARY_TASKS]),
        operations=_operations(trials),
        encoder=attributes[ENCODER],
        max_steps=attributes[MAX_STEPS],
        complete=tuple(complete),
        front=_front(study, complete),
        baseline=_first_with_role(complete, roles, BASELINE),
        equal_weights=_first_with_role(complete, roles, EQUAL_WEIGHTS),
        counts=_counts(trials, attributes[TOTAL]),
        failures=_failures(trials),
        importance=parameter_importances(study) if importance else {},
        seconds=sum(filter(math.isfinite, (trial.user_attrs.get(SECONDS, 0.0) for trial in trials))),
        findings=tuple(map(_finding, attributes[CLEANING])),
        augmentation=Augmentation(**attributes[AUGMENTATION]),
        auxiliaries=auxiliaries_of(attributes[AUXILIARY_TASKS], complete, _pruned(trials)),
        normalisers=attributes[NORMALISERS],
        revision=attributes.get(REVISION),
    )


def _finding(stored: Mapping[str, Any]) -> Finding:
    return Finding(stored["what"], stored["count"], tuple(stored["examples"]), stored["action"])


def _pruned(trials: Iterable[FrozenTrial]) -> list[Configuration]:
    given = (trial.user_attrs.get(CONFIGURATION) for trial in trials if trial.state == TrialState.PRUNED)
    return [Configuration.model_validate(configuration) for configuration in given if configuration is not None]


def _front(study: optuna.Study, ranked: Iterable[RankedTrial]) -> tuple[RankedTrial, ...]:
    if len(study.directions) == 1:
        return ()
    members = {trial.number for trial in study.best_trials}
    return tuple(trial for trial in ranked if trial.number in members)


def _first_with_role(ranked: Iterable[RankedTrial], roles: Mapping[int, str | None], role: str) -> RankedTrial | None:
    in_order = sorted(ranked, key=lambda trial: trial.number)
    return next((trial for trial in in_order if roles[trial.number] == role), None)


def _operations(trials: Iterable[FrozenTrial]) -> tuple[str, ...]:
    """Every operation that the study may mix, sorted by name: a storage does not keep their order."""
    names: set[str] = set()
    for trial in trials:
        searched = (name for name in trial.params if name.startswith(_MIX_PARAMETER))
        names.update(name.removeprefix(_MIX_PARAMETER) for name in searched)
        names.update(trial.user_attrs.get(CONFIGURATION, {}).get("mix", {}).get("operations", {}))
    return tuple(sorted(names))


def _counts(trials: Sequence[FrozenTrial], total: int) -> Counts:
    states = [trial.state for trial in trials]
    return Counts(
        total=max(total, len(states) - states.count(TrialState.WAITING)),
        complete=states.count(TrialState.COMPLETE),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        running=states.count(TrialState.RUNNING),
    )


def _failures(trials: Iterable[FrozenTrial]) -> tuple[FailureGroup, ...]:
    """Failed trials by kind, the most frequent first."""
    groups: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for trial in trials:
        if trial.state == TrialState.FAIL:
            failure = failure_told(trial.user_attrs)
            groups.setdefault(failure["kind"], []).append((trial.number, failure))
    by_frequency = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(_group(kind, members) for kind, members in by_frequency)


def _group(kind: str, members: Sequence[tuple[int, Mapping[str, str]]]) -> FailureGroup:
    _, first = members[0]
    return FailureGroup(kind, tuple(number for number, _ in members), first["message"], first.get("trace", ""))
