"""Where the time of a run goes: the product's own methods are wrapped while it runs, and its code stays as it is."""

import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from time import perf_counter, thread_time
from typing import Any, ClassVar
from unittest.mock import patch

import optuna
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.plain import PlainTrainer
from autotune.search.claims import Claims
from autotune.search.tuner import Tuner
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

OUTSIDE, REST = "outside", "the tuner's loop and the view"
TRAINING, CHECKPOINTS, SAMPLER, PRUNER = "training", "checkpoints", "sampler", "pruner"
STORAGE, READS, ATTRIBUTES, CLAIMS = "ask, report, tell", "reads of trials", "attributes", "claims"
PARTS = (TRAINING, CHECKPOINTS, SAMPLER, PRUNER, STORAGE, READS, ATTRIBUTES, CLAIMS, REST)

_METHODS: dict[type, dict[str, tuple[str, ...]]] = {
    PlainTrainer: {TRAINING: ("admit", "advance", "discard", "evict"), CHECKPOINTS: ("checkpoint",)},
    CheckpointStore: {CHECKPOINTS: ("save", "load", "remove", "retain")},
    optuna.Study: {STORAGE: ("ask", "tell"), READS: ("get_trials",)},
    optuna.Trial: {STORAGE: ("report", "should_prune"), ATTRIBUTES: ("set_user_attr",)},
    Claims: {CLAIMS: ("reap", "mark_owner", "is_mine", "is_told", "release")},
    Tuner: {REST: ("run",)},
}
_SAMPLING = ("infer_relative_search_space", "before_trial", "sample_relative", "sample_independent", "after_trial")


class Stopwatch:
    """Seconds of each part, without those of the parts that it calls. Other threads are not counted."""

    processor_time: ClassVar[bool] = False
    """Of this thread, instead of the wall's: for a machine that does other things too."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = [OUTSIDE]
        self._thread = threading.get_ident()
        self._since = self._now()

    @contextmanager
    def part(self, name: str) -> Generator[None]:
        if threading.get_ident() != self._thread:
            yield
            return
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def _turn(self) -> None:
        now = self._now()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def _now(self) -> float:
        return thread_time() if self.processor_time else perf_counter()

    def timed(self, owner: type, name: str, part: str) -> AbstractContextManager[Any]:
        """Count what a method takes, while this is entered."""
        method: Callable[..., Any] = getattr(owner, name)

        @wraps(method)
        def counted(*arguments: Any, **named: Any) -> Any:
            with self.part(part):
                return method(*arguments, **named)

        return patch.object(owner, name, counted)

    def timed_lock(self) -> AbstractContextManager[Any]:
        """Count what the claims' lock takes, and not what is done while it is held."""
        lock = Claims.lock

        @contextmanager
        def counted(claims: Claims) -> Generator[None]:
            with self.part(CLAIMS), lock(claims), self.part(REST):
                yield

        return patch.object(Claims, "lock", counted)

    @contextmanager
    def watching(self, sampler: BaseSampler, pruner: BasePruner) -> Generator[None]:
        """Count all parts of a run that has this kind of sampler and of pruner."""
        kinds = {**_METHODS, type(sampler): {SAMPLER: _SAMPLING}, type(pruner): {PRUNER: ("prune",)}}
        with ExitStack() as stack:
            stack.enter_context(self.timed_lock())
            for owner, parts in kinds.items():
                for part, names in parts.items():
                    for name in names:
                        stack.enter_context(self.timed(owner, name, part))
            yield
