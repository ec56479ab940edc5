"""The names under which a study keeps what Optuna has no place for: its own marks, its trials' attributes and roles."""

STARTED, READY = "autotune", "ready"
"""Set first and last by `create`: a study with only the first was never finished, and may be made anew."""

ROLE = "role"
BASELINE = "baseline"
EQUAL_WEIGHTS = "equal weights"
CONFIGURATION = "configuration"
BEST_STEP = "best_step"
FOLDS = "folds"
"""Each objective's value on every fold of a cross-validated trial."""
FAILURE = "failure"
SECONDS = "seconds"
