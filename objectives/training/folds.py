"""A trial under cross-validation: fold after fold, each a whole training from fresh weights."""

from dataclasses import replace

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .run import TrainingRun
from .trainer import Checkpoint, Evaluation


class FoldRun:
    """Trains one configuration on every fold at full length, and evaluates each on its held-out rows, at its end.

    A fold's evaluation has that fold's own metrics; its step counts the steps of all folds so far. Between folds there
    is nothing to keep but the place.
    """

    def __init__(
        self,
        trial_id: int,
        configuration: Configuration,
        prepared: PreparedObjective,
        device: torch.device,
        parts: int = 1,
    ) -> None:
        self.trial_id = trial_id
        self.configuration = configuration
        self.step = 0
        self._folds = prepared.folds
        self._device = device
        self._parts = parts
        self._ends = prepared.rungs(prepared.training_of(configuration))

    @property
    def finished(self) -> bool:
        """Whether all folds are done."""
        return self.step >= self._ends[-1]

    def advance(self) -> Evaluation:
        """Train the next fold to its end.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """
        place = next(place for place, end in enumerate(self._ends) if end > self.step)
        run = TrainingRun(self.trial_id, self.configuration, self._folds[place], self._device, self._parts)
        evaluation = run.advance_to(run.total_steps)
        self.step = self._ends[place]
        return replace(evaluation, step=self.step, finished=self.finished)

    def checkpoint(self) -> Checkpoint:
        """The place."""
        return Checkpoint(self.configuration, self.step, {}, {}, {})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on with the first fold that a checkpoint of the same configuration had not trained."""
        self.step = checkpoint.step
