"""Rewriting many rows: rule operations in parallel over the cores, models in this process."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context

from ..data.row import Row
from ..machine import core_count
from .operation import TextOperation

FEWEST_FOR_PROCESSES = 20_000
"""Rows to rewrite: a rule operation takes about 0.1 ms for one of 40 words (measured), so that these are 2 s of work;
below, starting processes would eat what they save."""
_CHUNK = 1000
"""Rows of one call in a worker: 0.1 s, so that progress moves and the cores end together."""

BankProgress = Callable[[int, int, str], None]
"""Hears (rows done, rows in all, operation)."""


@dataclass(frozen=True)
class Job:
    """One operation at one magnitude, one replica of it."""

    operation: TextOperation
    magnitude: float
    replica: int
    seed: int

    def __call__(self, rows: Sequence[Row]) -> list[Row | None]:
        return self.operation.rewrite(rows, self.magnitude, self.replica, self.seed)


def generate(jobs: Sequence[Job], rows: Sequence[Row], progress: BankProgress) -> Iterator[list[Row | None]]:
    """What each job makes of all rows, in the order of the jobs; `progress` is told after every chunk.

    Where there is enough to do, it has a process for each core that this one may use.
    """
    parallel = sum(job.operation.parallel for job in jobs) * len(rows)
    total, done = len(jobs) * len(rows), 0
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    with _mapping(core_count() if parallel >= FEWEST_FOR_PROCESSES else 1) as spread:
        waiting = [spread(job, chunks) if job.operation.parallel else map(job, chunks) for job in jobs]
        for job, results in zip(jobs, waiting, strict=True):
            found: list[Row | None] = []
            for part in results:
                found += part
                done += len(part)
                progress(done, total, job.operation.name)
            yield found


Spread = Callable[[Job, Sequence[Sequence[Row]]], Iterator[list[Row | None]]]


@contextmanager
def _mapping(processes: int) -> Generator[Spread]:
    if processes < 2:
        yield map
        return
    # Spawned, not forked: this process may have threads of torch and of the tokenizer.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    waiting: list[deque[Future[list[Row | None]]]] = []

    def spread(job: Job, chunks: Sequence[Sequence[Row]]) -> Iterator[list[Row | None]]:
        waiting.append(futures := deque[Future[list[Row | None]]]())
        futures.extend(pool.submit(job, chunk) for chunk in chunks)
        return (futures.popleft().result() for _ in chunks)

    try:
        yield spread
    finally:
        # Nobody waits for what an interruption leaves, which may take hours. The pool's own cancelling needs a pool
        # that is still there when its thread looks.
        for future in chain(*waiting):
            future.cancel()
        pool.shutdown(wait=False)
