"""The fused trainer: trials whose tensors have the same shapes train as one batched program.

Slots are not fixed: at every rung the trials with equal shapes until their next rung are stacked anew, whether fresh,
resumed or epochs apart. So an admitted trial trains at the next `advance`, and one that leaves costs
nothing. Trials that cannot be fused, and those whose shapes no other trial has, train one by one.

On a CPU larger matrix products win nothing, but a program can train on each core: threads of one process, which share
all but the trials' own memory.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

import torch

from ....spaces.configuration import Configuration
from ...multi_task.fused.model import FusedModel
from ...prepared import PreparedObjective
from ..failing import failure_of, is_more_than_a_trials
from ..failure import FailureKind
from ..plain import PlainTrainer, Run, Slot
from ..trainer import Checkpoint, Evaluation
from .cohort import Cohort
from .fusible import unfusible
from .run import FusedRun
from .threads import Halt, side_by_side

_CLEAN = 16
"""Rungs with as many trials as memory had room for, before more are tried again."""


class FusedTrainer(PlainTrainer):
    """Trains trials of one form from rung to rung; the trial that is furthest behind says of which form.

    They are one cohort, or with `cores` > 1 one a core, each trained by a thread of its own; torch must then compute
    with one thread (`torch.set_num_threads`).
    """

    def __init__(self, prepared: PreparedObjective, device: torch.device, capacity: int = 1, cores: int = 1) -> None:
        super().__init__(prepared, device, capacity)
        self._cores = cores
        self._halt = Halt()
        self._lending = Lock()
        self._fusible: set[int] = set()
        """Trials that are not trained by themselves."""
        self._models: dict[tuple[object, ...], list[FusedModel]] = {}
        """Programs that no cohort uses, by their structure."""
        self._most_trials = capacity
        """Trials that memory has room for at once."""
        self._clean = 0
        """How often it had, since it was short."""

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        super().admit(trial_id, configuration, checkpoint, parts)
        # A trial that ran out of memory alone goes on in parts of a batch, as the plain trainer can.
        if parts == 1 and not unfusible(self._prepared, configuration):
            self._fusible.add(trial_id)

    def discard(self, trial_id: int) -> None:
        super().discard(trial_id)
        self._fusible.discard(trial_id)

    def upcoming(self) -> list[int]:
        first = super().upcoming()
        if not first or (run := self._fused(first[0])) is None:
            return first
        form = run.form
        others = [trial_id for trial_id in self._slots if trial_id != first[0] and self._has_form(trial_id, form)]
        return [*first, *others][: self._most_trials]

    def advance(self) -> list[Evaluation]:
        trial_ids = self.upcoming()
        if not trial_ids or trial_ids[0] not in self._fusible:
            return [self._alone(trial_id) for trial_id in trial_ids]
        count, cores, most = len(trial_ids), min(self._cores, len(trial_ids)), self._most_trials
        shares = [trial_ids[count * core // cores : count * (core + 1) // cores] for core in range(cores)]
        found = side_by_side(self._timed, shares, self._halt)
        if self._most_trials == most:
            self._had_room(count)
        return [evaluation for share in found for evaluation in share]

    def _timed(self, trial_ids: list[int]) -> list[Evaluation]:
        began = time.perf_counter()
        found = self._together(trial_ids)
        seconds = (time.perf_counter() - began) / len(found)
        return [replace(evaluation, seconds=seconds) for evaluation in found]

    def _has_form(self, trial_id: int, form: object) -> bool:
        run = None if self._slots[trial_id].over else self._fused(trial_id)
        return run is not None and run.form == form

    def _fused(self, trial_id: int) -> FusedRun | None:
        """The run of a trial that trains with others. Another one's, a whole model, is made when it trains."""
        if trial_id not in self._fusible:
            return None
        run = self._running(trial_id)
        assert isinstance(run, FusedRun)
        return run

    def _together(self, trial_ids: list[int]) -> list[Evaluation]:
        """Train some trials to their next rung at once; where that fails, in halves, down to the one at fault."""
        found = self._attempt(trial_ids)
        if not isinstance(found, Exception):
            return found
        if len(trial_ids) == 1:
            return [self._failed(trial_ids[0], found)]
        half = len(trial_ids) // 2
        if failure_of(found).kind is FailureKind.OUT_OF_MEMORY:
            self._most_trials, self._clean = min(self._most_trials, half * self._cores), 0
        del found  # its traceback holds the memory that was too little
        return [*self._together(trial_ids[:half]), *self._together(trial_ids[half:])]

    def _attempt(self, trial_ids: list[int]) -> list[Evaluation] | Exception:
        try:
            runs = [run for trial_id in trial_ids if (run := self._fused(trial_id)) is not None]
            with self._lent(runs[0]) as model:
                cohort = Cohort(model, runs, self._prepared, self._device, self._halt)
                cohort.train()
                outcomes = cohort.evaluate()
            cohort.part()
        except Exception as error:
            if is_more_than_a_trials(error, self._device):
                raise
            return error
        return [
            outcome if isinstance(outcome, Evaluation) else self._failed(trial_id, outcome)
            for trial_id, outcome in zip(trial_ids, outcomes, strict=True)
        ]

    def _had_room(self, count: int) -> None:
        """Try twice as many again after a while: others may have left the memory that was short."""
        self._clean += count == self._most_trials < self._capacity
        if self._clean >= _CLEAN:
            self._most_trials, self._clean = min(2 * self._most_trials, self._capacity), 0

    @contextmanager
    def _lent(self, run: FusedRun) -> Generator[FusedModel]:
        """A program for trials of this one's tasks and layers; afterwards it has no weights, so it is kept."""
        with self._lending:
            kept = self._models.setdefault(run.structure, [])
            model = kept.pop() if kept else None
        model = model or FusedModel(run.shaped().to(self._device), self._prepared.seed)
        try:
            yield model
        finally:
            model.release()
            kept.append(model)

    def _made(self, trial_id: int, slot: Slot) -> Run:
        if trial_id not in self._fusible:
            return super()._made(trial_id, slot)
        return FusedRun(trial_id, slot.configuration, self._prepared, self._device)
