"""The state of a production training on disk, from which it resumes bit-identically after a kill."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from .checkpoints import CheckpointStore
from .run import TrainingRun
from .saving import COST, Saver
from .trainer import Checkpoint, Evaluation

_FULL = "the state cannot be written ({}): after a kill training resumes from an earlier one"
_STATE = 0
"""The running state's number in the store; best weights have that of their step, which is never 0."""


@dataclass
class History:
    """How far a training has come: its evaluations, and the step and weights of the best one.

    Args:
        worth: what an evaluation is worth, more is better; None: nothing is chosen by.
    """

    worth: Callable[[Evaluation], float] | None
    told: list[Evaluation] = field(default_factory=list[Evaluation])
    best: tuple[int, dict[str, torch.Tensor]] | None = None

    def add(self, evaluation: Evaluation, run: TrainingRun) -> None:
        """Note an evaluation, and the run's weights where none was better. Of equals the later one counts."""
        self.told.append(evaluation)
        if self.worth is not None and (
            self.best is None or self.worth(evaluation) >= self.worth(self.at(self.best[0]))
        ):
            self.best = evaluation.step, run.weights()

    def best_step(self, told: Sequence[Evaluation]) -> int | None:
        """The step of the best of some evaluations, as `add` would find it; None if there are none, or no worth."""
        if self.worth is None or not told:
            return None
        return max((self.worth(evaluation), evaluation.step) for evaluation in told)[1]

    def at(self, step: int) -> Evaluation:
        """The evaluation of a step."""
        return next(evaluation for evaluation in self.told if evaluation.step == step)


class SavedHistory:
    """A history in a checkpoint store of its own: number 0 is the running state, number N the best weights, of step N.

    Best weights are written before a state that counts on them, and removed after one that no longer does: a kill in
    between leaves the earlier state, and the weights that it counts on. Writing takes at most 5 % of the time.

    Args:
        store: its signature says which training it is of.
        note: is told where the training goes on, and once that the disk is full.
    """

    def __init__(self, store: CheckpointStore, note: Callable[[str], None]) -> None:
        self._store, self._note = store, note
        self._saver, self._saved = Saver(note, _FULL), time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether so much was trained since the last state that another one is worth its time."""
        return (time.monotonic() - self._saved) * COST >= self._saver.seconds

    def load(self, run: TrainingRun, history: History) -> None:
        """Bring a run that has not begun, and its history, to where the saved ones were, if there are any."""
        state = self._store.load(_STATE, run.configuration)
        if state is None:
            return
        step = history.best_step(state.told)
        best = None if step is None else self._store.load(step, run.configuration)
        if step is not None and best is None:
            self._note(f"the weights of the best step, {step}, cannot be read: starting over")
            return
        run.restore(state)
        self._note(f"resuming from step {state.step}")
        history.told = list(state.told)
        history.best = None if best is None else (best.step, best.weights)

    def save(self, run: TrainingRun, history: History) -> None:
        """Write where a run is."""
        self._saver.save(partial(self._write, run, history), time.monotonic())
        self._saved = time.monotonic()

    def _write(self, run: TrainingRun, history: History) -> None:
        kept = {_STATE}
        if history.best is not None:
            step, weights = history.best
            kept.add(step)
            if step not in self._store.sizes():
                self._store.save(step, Checkpoint(run.configuration, step, weights, {}, {}))
        self._store.save(_STATE, replace(run.checkpoint(), told=list(history.told)))
        self._store.retain(kept)
