"""One run of a study: from a stored study to its next trials."""

from pathlib import Path

import optuna
from optuna.trial import TrialState

from ..objectives.training.device import choose_device
from ..objectives.training.plain import PlainTrainer
from .claims import Claims
from .executors.inline import InlineExecutor
from .interruption import interruption
from .observer import Observer
from .pruners import is_paired, make_pruner
from .report.generation import Quarters
from .samplers import make_sampler
from .scoring import Scoring
from .storage import storage_errors
from .study import StudyRecord, check_unchanged, prepare_study
from .tuner import ENDED, Ending, Tuner


def run_study(
    record: StudyRecord,
    path: Path,
    observer: Observer,
    *,
    trials: int | None = None,
    timeout_s: float | None = None,
    device: str = "auto",
    slots: int = 1,
) -> Ending:
    """Run or resume a study until its total of trials has ended.

    Args:
        record: the stored study.
        path: its study file as it is now.
        observer: is told what happens.
        trials: another total for this call.
        timeout_s: the longest time of this call; by default the study file's.
        device: where to train (objectives/training/device.py).
        slots: how many trials are in training at once.

    Raises:
        StudyError: its files changed.
    """
    total = trials or record.study.user_attrs["total"]
    with interruption(observer.message) as interrupted:
        check_unchanged(record, path)
        if _is_done(record, total):
            observer.message(f"nothing to do: all {total} trials are done (--trials N sets another total)")
            return Ending.DONE
        prepared = prepare_study(record.file, path.parent, Quarters(observer.message))
        trainer = PlainTrainer(prepared, choose_device(device), slots)
        with storage_errors(record.url), InlineExecutor(trainer) as executor:
            study = _with_search(record, prepared.steps_per_epoch, prepared.rungs(record.file.training), total)
            file = record.file
            scoring = Scoring(file.measures, folds=file.data.folds is not None, paired=is_paired(study.pruner))
            if len(file.objectives) > 1:
                observer.message(f"best and baseline are told by the first objective, {file.objectives[0]}")
            max_steps = record.study.user_attrs["max_steps"]
            claims = Claims(study, record.storage, record.url, file.search.retries)
            tuner = Tuner(study, claims, file.search_space(), executor, observer, scoring, max_steps)
            return tuner.run(total, interrupted, timeout_s or file.search.timeout, file.search)


def _is_done(record: StudyRecord, total: int) -> bool:
    with storage_errors(record.url):
        states = [trial.state for trial in record.study.get_trials(deepcopy=False)]
    return TrialState.RUNNING not in states and sum(state in ENDED for state in states) >= total


def _with_search(record: StudyRecord, steps_per_epoch: int, rungs: list[int], total: int) -> optuna.Study:
    """The study with its sampler and pruner, which Optuna does not store.

    It is the record's own: another one would read all trials again, which takes seconds where there are thousands.
    """
    search = record.file.search
    waiting = (TrialState.WAITING,)
    started = len(record.study.get_trials(deepcopy=False)) - len(
        record.study.get_trials(deepcopy=False, states=waiting)
    )
    distributions = record.file.search_space().distributions
    pruner = search.pruner if len(record.file.objectives) == 1 else "none"
    record.study.sampler = make_sampler(search.sampler, distributions, search.seed, started, total)
    record.study.pruner = make_pruner(pruner, rungs, steps_per_epoch, total, record.file.data.folds)
    return record.study
