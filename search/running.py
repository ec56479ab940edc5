"""One run of a study: from a stored study to its next trials."""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

import optuna
from optuna.trial import TrialState

from ..objectives.prepared import PreparedObjective
from ..spaces.errors import StorageError, StorageLost, StorageReplaced, StudyError, StudyHeld
from .bank_progress import Quarters
from .changing import with_changes
from .checkpoints import checkpoint_store
from .claims import Claims
from .creation import points, total_of
from .executors.choosing import Workload, make_executor
from .executors.executor import Executor
from .executors.placement import Placement
from .executors.places import first_device
from .executors.worker import Recipe
from .interruption import interruption
from .locking import claiming
from .observer import Observer
from .preparing import prepare_study
from .pruners import is_paired, make_pruner, pruner_of
from .roles import IDENTITY, MAX_STEPS, RUNS, STUDY_FILE, TOTAL
from .samplers import make_sampler
from .scoring import Scoring
from .storage import patiently, storage_errors, timeouts
from .study import StudyRecord, while_stored
from .study_file.reading import changed_keys
from .threads import agreed, keep_threads, threads_of
from .tuner import Budget, Ending, Tuner
from .unchanged import check_rows, check_unchanged


def run_study(
    record: StudyRecord,
    observer: Observer,
    *,
    trials: int | None = None,
    timeout_s: float | None = None,
    began: float | None = None,
    placement: Placement | None = None,
) -> Ending:
    """Run or resume a study until its total of trials has ended; what may change in its file is taken over.

    Args:
        record: the stored study, with the path of its study file as it is now.
        observer: is told what happens.
        trials: another total for this call.
        timeout_s: the longest time of this call, its preparation included; by default the study file's.
        began: when the call began, as `time.monotonic()` has it; by default now.
        placement: where to train; by default wherever it is fastest.

    Raises:
        StudyError: its files changed.
        InputError: there is no such device.
        TrainingError: workers do not start.
    """
    placement, began = placement or Placement(), time.monotonic() if began is None else began
    with interruption(observer.message) as interrupted, while_stored(record, timeouts.RECONNECT_S):
        identity = record.study.user_attrs[IDENTITY]
        stored, record = record, check_unchanged(record)
        patiently(lambda: _take_over(stored, record, observer))
        total = trials or record.study.user_attrs[TOTAL]
        if (done := _done_already(record, total)) is not None:
            observer.message(f"nothing to do: {done} (--trials N sets another total)")
            return Ending.DONE
        with interrupted.at_once():
            device = first_device(placement.devices)
            prepared = prepare_study(record.file, record.folder, Quarters(observer.message), device)
        patiently(lambda: check_rows(record, prepared))
        with _executor(record, identity, placement, prepared, total, observer) as executor:
            limit_s = timeout_s or record.file.search.timeout
            deadline = None if limit_s is None else began + limit_s
            tuner = _tuner(record, prepared, total, executor, observer, deadline)
            with storage_failures(record.url):
                return tuner.run(total, interrupted)


@contextmanager
def storage_failures(url: str) -> Generator[None]:
    """What the storage does while trials run is no mistake in what the user gave."""
    try:
        with storage_errors(url, timeouts.RECONNECT_S):
            yield
    except StorageReplaced:
        raise
    except (StorageError, StorageLost, StudyHeld) as error:
        raise StorageLost(f"{error}\nStored results are safe; once this is fixed, the same command resumes") from None


def _take_over(stored: StudyRecord, record: StudyRecord, observer: Observer) -> None:
    """Store what changed in the study file, so that it is the study's; `record` is as it is now."""
    known = stored.given or stored.file
    now = with_changes(known, record.file)
    if changes := changed_keys(known, now):
        record.study.set_user_attr(TOTAL, total_of(record.file))
        # Last: whoever is killed before finds the change again.
        record.study.set_user_attr(STUDY_FILE, now.model_dump_json(exclude={"storage"}))
        observer.message(f"changed in the study file, and taken over: {', '.join(changes)}")


def _done_already(record: StudyRecord, total: int) -> str | None:
    """What has ended, in words, where that is all that is wanted and no trial runs."""
    states = [trial.state for trial in record.study.get_trials(deepcopy=False)]
    ended = sum(state.is_finished() for state in states)
    if ended < total or TrialState.RUNNING in states:
        return None
    return f"all {total} trials are done" if ended == total else f"{ended} trials are done; {total} were requested"


def _executor(
    record: StudyRecord,
    identity: str,
    placement: Placement,
    prepared: PreparedObjective,
    total: int,
    observer: Observer,
) -> AbstractContextManager[Executor]:
    """What trains this run's trials, with the threads that the study's first trials had."""
    recipe = Recipe(record.file, record.folder.absolute(), checkpoint_store(record), placement.slots or 1)

    def keep(threads: int | None) -> int | None:
        _check_same(record, identity)
        return keep_threads(record.study, record.url, threads)

    return agreed(
        lambda work: make_executor(placement, recipe, prepared, work, observer.message),
        patiently(lambda: _workload(record, total)),
        keep,
    )


def _workload(record: StudyRecord, total: int) -> Workload:
    """The trials that are left of this run's total, and all that the study plans, if this run stops before them."""
    ended = sum(trial.state.is_finished() for trial in record.study.get_trials(deepcopy=False))
    attributes = record.study.user_attrs
    return Workload(total - ended, max(total, attributes[TOTAL]), threads_of(record.study))


def _check_same(record: StudyRecord, identity: str) -> None:
    """Data may take long to prepare, and the study be another one of the same name afterwards."""
    if record.study.user_attrs.get(IDENTITY) != identity:
        raise StudyError(f"the study {record.name!r} was deleted meanwhile, and recreated")


def _tuner(
    record: StudyRecord,
    prepared: PreparedObjective,
    total: int,
    executor: Executor,
    observer: Observer,
    deadline: float | None,
) -> Tuner:
    """What asks, trains and tells this run's trials, until the deadline at the latest."""
    file = record.file
    rungs = prepared.rungs(file.training)
    study = patiently(lambda: _with_search(record, prepared.steps_per_epoch, rungs, total))
    scoring = Scoring(file.measures, folds=file.data.folds is not None, paired=is_paired(study.pruner))
    if len(file.objectives) > 1:
        observer.message(f"best and baseline use the first objective, {file.objectives[0]}")
    claims = Claims(study, record.storage, record.url, file.search.retries)
    budget = Budget(None if deadline is None else deadline - time.monotonic(), file.search)
    max_steps = record.study.user_attrs[MAX_STEPS]
    return Tuner(claims, file.search_space(), executor, observer, scoring, max_steps, budget)


def _count_run(record: StudyRecord) -> list[int]:
    """Count this run. Returns how many trials, and after the first run how many runs, were begun: no two have the same.

    Trials alone would not do: those that an interruption gave back wait again, as if nothing had begun.
    """
    trials = record.study.get_trials(deepcopy=False)
    begun = sum(trial.state is not TrialState.WAITING for trial in trials)
    with claiming(record.name, record.url):
        runs: int = record.study.user_attrs.get(RUNS, 0)
        record.study.set_user_attr(RUNS, runs + 1)
    return [begun, runs] if runs else [begun]


def _with_search(record: StudyRecord, steps_per_epoch: int, rungs: list[int], total: int) -> optuna.Study:
    """The study with its sampler and pruner, which Optuna does not store.

    It is opened anew, though all trials are read a second time so: the record's own keeps the ended trials that it
    has seen, and the study may have been deleted and made again since.
    """
    search = record.file.search
    distributions = record.file.search_space().distributions
    return optuna.load_study(
        study_name=record.name,
        storage=record.storage,
        sampler=make_sampler(
            search.sampler,
            distributions,
            search.seed,
            _count_run(record),
            total,
            points(record.file) if search.sampler == "grid" else (),
        ),
        pruner=make_pruner(pruner_of(record.file), rungs, steps_per_epoch, total, record.file.data.folds),
    )
