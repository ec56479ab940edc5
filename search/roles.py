"""Names of a study's own attributes in Optuna: marks of the study, attributes and roles of trials."""

from collections.abc import Mapping
from typing import Any

STARTED, READY = "autotune", "ready"
"""Set first and last by `create`: a study with only the first was never finished, and may be made anew."""
IDENTITY = "identity"
"""Tells a study from an earlier one of the same name; copies have the same."""

ROLE = "role"
BASELINE = "baseline"
EQUAL_WEIGHTS = "equal weights"
CONFIGURATION = "configuration"
BEST_STEP = "best_step"
FOLDS = "folds"
"""Each objective's value on every fold of a cross-validated trial."""
FAILURE = "failure"
"""Of a failed trial: a dictionary of its kind, its message and, if it has one, the end of its traceback."""
SECONDS = "seconds"
REACHED = "reached"
"""The last step that a trial was heard of, where Optuna keeps none: it takes no reports of several objectives."""
OWNER = "owner"
"""Which tuner runs a trial (search/claims.py)."""
DEATHS = "deaths"
"""How often in a row, and at which step, a trial's tuner died."""
AUGMENTATION = "augmentation"
"""What the bank is made of, and which operations were dropped (PreparedObjective.augmented)."""
RUNS = "runs"
"""How many runs of the study there were, each of which drew random numbers of its own."""
REVISION = "revision"
"""The commit of an encoder of the Hub, at which all that trains for the study opens it; None for other encoders."""
MODELS_AT = "models"
"""The models of the Hub that its operations open, by their keys, at the commits that the study opens."""
THREADS = "threads"
"""With how many threads its trials train on a CPU, since the first did: another number rounds otherwise."""
ROWS = "rows"
"""A hash of which rows its trials train and are measured on, as another version of autotune may choose others."""
BESIDE = "beside"
"""The hashes of what is read beside the data: lexicons, and models in folders."""

ENDED_ELSEWHERE = "another program than autotune ended it"
"""Such as a dashboard."""


def failure_told(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    """The failure that a failed trial's attributes tell; where another program ended it: none."""
    return attributes.get(FAILURE, {"kind": "lost", "message": ENDED_ELSEWHERE})
