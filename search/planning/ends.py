"""Which budgets of a study file would end it before all trials are done, in words."""

from collections.abc import Iterator, Sequence

from optuna.trial import FrozenTrial

from ..roles import SECONDS
from ..settings import SearchSettings
from ..wording import duration


def ends(
    search: SearchSettings, left: int, trial_s: float, most_s: float, trials: Sequence[FrozenTrial]
) -> Iterator[str]:
    """Say for each budget what it leaves of the search, if no trial is pruned.

    Args:
        search: the budgets.
        left: trials to train.
        trial_s: seconds of a trial at most.
        most_s: seconds of all that are left.
        trials: those that are stored, with what they have taken of the device-hours.
    """
    if search.timeout is not None and most_s > search.timeout:
        count = min(int(search.timeout * left / most_s), left)
        yield f"the timeout of {duration(search.timeout)} ends it after about {count} trials, if none is pruned"
    if search.device_hours is not None:
        spent = sum(trial.user_attrs.get(SECONDS, 0.0) for trial in trials)
        count = int(max(search.device_hours * 3600 - spent, 0.0) / trial_s) if trial_s else left
        if count < left:
            hours = f"device_hours of {search.device_hours:g}" + (
                f", of which {duration(spent)} are spent," if spent else ""
            )
            yield f"{hours} end it after about {count} more trials, if none is pruned"
    if search.trial_timeout is not None and trial_s > search.trial_timeout:
        yield f"the trial_timeout of {duration(search.trial_timeout)} is shorter than a trial: some would time out"
