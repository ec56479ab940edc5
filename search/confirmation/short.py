"""Are the short runs honest? The scores at the rungs, of the search's trials and of the fresh trainings."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from optuna.trial import FrozenTrial, TrialState

from ...spaces.configuration import Configuration
from ..study import StudyRecord
from ..verdict.short_runs import ShortRuns, short_runs
from .arms import key_of
from .ledger import fresh_of, key_of_trial

RungScores = dict[int, dict[int, float]]
"""Step -> trial, or configuration, -> the objective there."""

_FEWEST = 3
"""Of two configurations one is always the better, at a rung too."""


class Runs:
    """The runs of a study and of its confirmation, rung by rung. Folds are no rungs, so those have none.

    Args:
        record: the study.
        fresh: its fresh trainings.
        seeds: the seeds that count.
    """

    def __init__(self, record: StudyRecord, fresh: Iterable[FrozenTrial], seeds: Sequence[int]) -> None:
        self._record = record
        self._fresh = [trial for trial in fresh if trial.state is TrialState.COMPLETE and not fresh_of(trial).tested]
        self._seeds = seeds
        self._maximize = record.file.maximize

    def of_search(self, winner: int) -> ShortRuns | None:
        """What each rung would have done to the winner's trial among those that reached it."""
        trials = self._record.study.get_trials(deepcopy=False)
        rungs: RungScores = {}
        for trial in trials:
            for step, value in trial.intermediate_values.items():
                rungs.setdefault(step, {})[trial.number] = value
        full = {trial.number: trial.values[0] for trial in trials if trial.state is TrialState.COMPLETE}
        return self._judged(rungs, full, winner)

    def of_confirmation(self, winner: Configuration) -> ShortRuns | None:
        """The same of all configurations that were trained on every fresh seed, the ablation's too, by their means."""
        by_key: dict[str, dict[int, FrozenTrial]] = {}
        for trial in self._fresh:
            key, fresh = key_of_trial(trial)
            by_key.setdefault(key, {})[fresh.seed] = trial
        whole = {key: [of[seed] for seed in self._seeds] for key, of in by_key.items() if set(self._seeds) <= set(of)}
        if key_of(winner) not in whole or len(whole) < _FEWEST:
            return None
        rungs: RungScores = {}
        for number, trials in enumerate(whole.values()):
            for step, value in _means(trials).items():
                rungs.setdefault(step, {})[number] = value
        full = {number: fmean(trial.values[0] for trial in trials) for number, trials in enumerate(whole.values())}
        return self._judged(rungs, full, list(whole).index(key_of(winner)))

    def _judged(self, rungs: RungScores, full: Mapping[int, float], winner: int) -> ShortRuns | None:
        last = max(rungs, default=0)
        short = {step: scores for step, scores in rungs.items() if step < last}
        if not short or self._record.file.data.folds is not None:
            return None
        return short_runs(short, full, winner, maximize=self._maximize)


def _means(trials: Sequence[FrozenTrial]) -> dict[int, float]:
    """One configuration's mean over its seeds at each rung that all have; a seed's split may move a rung by a step."""
    tables = [sorted(trial.intermediate_values.items()) for trial in trials]
    steps = [step for step, _ in tables[0]]
    return {
        step: fmean(table[place][1] for table in tables)
        for place, step in enumerate(steps)
        if all(place < len(table) for table in tables)
    }
