"""The number of threads with which a study's trials train on a CPU: that of the first run, and of all others then."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

import optuna

from .executors.choosing import Workload
from .executors.executor import Executor
from .locking import claiming
from .roles import THREADS
from .storage import patiently


def threads_of(study: optuna.Study) -> int | None:
    """With how many threads a study's trials train on a CPU; None where none has trained on one."""
    return study.user_attrs.get(THREADS)


def keep_threads(study: optuna.Study, url: str, threads: int | None) -> int | None:
    """Have later trials train with as many threads as the first. Returns how many those are."""
    with claiming(study.study_name, url):
        known = threads_of(study)
        if known is None and threads is not None:
            study.set_user_attr(THREADS, threads)
            return threads
        return known


@contextmanager
def agreed(
    make: Callable[[Workload], Executor], work: Workload, keep: Callable[[int | None], int | None]
) -> Generator[Executor]:
    """The executor of a run; made again where another run had the first trials while this one chose.

    Args:
        make: makes it.
        work: what there is to train.
        keep: as `keep_threads`, of the study.
    """
    with make(work) as executor:
        kept = patiently(lambda: keep(executor.threads))
        if executor.threads is None or kept in (executor.threads, work.threads):
            yield executor
            return
    with make(replace(work, threads=kept)) as executor:
        yield executor
