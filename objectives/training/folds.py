"""A trial under cross-validation: fold after fold, each a whole training from fresh weights."""

from dataclasses import replace
from functools import cached_property

from .run import TrainingRun
from .trainer import Evaluation
from .whole import WholeRun


class FoldRun(WholeRun):
    """Trains one configuration on every fold at full length, and evaluates each on its held-out rows, at its end.

    A fold's evaluation has that fold's own metrics; its step counts the steps of all folds so far.
    """

    @cached_property
    def _ends(self) -> list[int]:
        return self._prepared.rungs(self._prepared.training_of(self.configuration))

    @property
    def finished(self) -> bool:
        return self.step >= self._ends[-1]

    def advance(self) -> Evaluation:
        place = next(place for place, end in enumerate(self._ends) if end > self.step)
        run = TrainingRun(self.trial_id, self.configuration, self._prepared.folds[place], self._device, self._parts)
        evaluation = run.advance_to(run.total_steps)
        self.step = self._ends[place]
        return replace(evaluation, step=self.step, finished=self.finished)
