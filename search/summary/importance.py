"""Parameter importance for reaching the best trials."""

import math
import warnings

import optuna
from optuna.trial import TrialState

# Below this the "top tenth" that PED-ANOVA looks at is one of three trials: a coin, not a finding.
MIN_COMPLETE = 4
STEADY = 50
"""Complete trials from which on importances are steady: Optuna advises five in the best tenth."""


def parameter_importances(study: optuna.Study) -> dict[str, float]:
    """Importances that sum to 1, the largest first; empty where nothing can be said.

    Optuna's PED-ANOVA (https://arxiv.org/abs/2304.10255), which also handles parameters that not
    every trial has. It looks at COMPLETE trials only. Nothing can be said about fewer than four
    such trials, about values that are all the same, or about several objectives at once.
    """
    if len(study.directions) > 1:
        return {}
    values = [trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    if len(values) < MIN_COMPLETE or len(set(values)) == 1:
        return {}
    with warnings.catch_warnings():
        # Optuna warns of regimes with one trial; the report says itself from how few trials it speaks.
        warnings.simplefilter("ignore")
        raw = optuna.importance.get_param_importances(study, normalize=False)
    total = sum(raw.values())
    if not (0 < total < math.inf):
        return {}
    # By name where equal: Optuna's own order comes from a set and changes from run to run.
    return {name: raw[name] / total for name in sorted(raw, key=lambda name: (-raw[name], name))}
