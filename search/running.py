"""One run of a study: from a stored study to its next trials."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.trial import TrialState

from ..objectives.caching import cache_folder
from ..objectives.training.device import choose_device
from ..objectives.training.plain import PlainTrainer
from ..spaces.errors import StudyError
from .executors.inline import InlineExecutor
from .interruption import interruption
from .observer import Observer
from .pruners import make_pruner
from .samplers import make_sampler
from .storage import storage_errors
from .study import StudyRecord, check_unchanged, prepare_study
from .tuner import Ending, Tuner


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
        StudyError: its files changed, or another run is at work on it.
    """
    with _only_run(record), interruption(observer.message) as interrupted:
        check_unchanged(record, path)
        prepared = prepare_study(record.file, path.parent)
        trainer = PlainTrainer(prepared, choose_device(device), slots)
        with storage_errors(record.url), InlineExecutor(trainer) as executor:
            total = trials or record.study.user_attrs["total"]
            study = _with_search(record, prepared.steps_per_epoch, prepared.rungs(record.file.training), total)
            tuner = Tuner(
                study,
                record.storage,
                record.file.search_space(),
                executor,
                observer,
                record.file.metric,
                record.study.user_attrs["max_steps"],
            )
            return tuner.run(total, interrupted, timeout_s or record.file.search.timeout)


def _with_search(record: StudyRecord, steps_per_epoch: int, rungs: list[int], total: int) -> optuna.Study:
    """The study with its sampler and pruner, which Optuna does not store."""
    search = record.file.search
    waiting = (TrialState.WAITING,)
    started = len(record.study.get_trials(deepcopy=False)) - len(record.study.get_trials(deepcopy=False, states=waiting))
    distributions = record.file.search_space().distributions
    return optuna.load_study(
        study_name=record.name,
        storage=record.storage,
        sampler=make_sampler(search.sampler, distributions, search.seed, started, total),
        pruner=make_pruner(search.pruner, rungs, steps_per_epoch, total),
    )


@contextmanager
def _only_run(record: StudyRecord) -> Generator[None]:
    """Hold the study's lock; the operating system lets go of it when the process dies, however it dies."""
    key = hashlib.sha256(f"{_place(record)}\0{record.name}".encode()).hexdigest()[:32]
    path = cache_folder() / "locks" / f"{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise StudyError(f"another `autotune study run` is at work on {record.name!r}") from None


def _place(record: StudyRecord) -> str:
    """The storage, the same however its path was written."""
    file = record.storage.engine.url.database
    return str(Path(file).resolve()) if record.url.startswith("sqlite") and file else record.url
