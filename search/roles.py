"""The names under which a study keeps what Optuna has no place for."""

ROLE = "role"
BASELINE = "baseline"
EQUAL_WEIGHTS = "equal weights"
CONFIGURATION = "configuration"
