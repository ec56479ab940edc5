"""Trials of whole trainings, between which only the position is state: fold after fold, or one on the test data."""

import time
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .evaluating import evaluate
from .production import Manner, train_to_best
from .run import TrainingRun
from .trainer import Checkpoint, Evaluation


class WholeRun(ABC):
    """Trains one configuration from fresh weights to the end, once or several times, and evaluates there."""

    def __init__(
        self,
        trial_id: int,
        configuration: Configuration,
        prepared: PreparedObjective,
        device: torch.device,
        parts: int,
    ) -> None:
        self.trial_id = trial_id
        self.configuration = configuration
        self.step = 0
        self._prepared = prepared
        self._device = device
        self._parts = parts

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether all trainings are done."""

    @abstractmethod
    def advance(self) -> Evaluation:
        """Train the next one to its end.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """

    def checkpoint(self) -> Checkpoint:
        """The place."""
        return Checkpoint(self.configuration, self.step, {}, {}, {})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on with the first training that a checkpoint of the same configuration had not done."""
        self.step = checkpoint.step


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


class TestedRun(WholeRun):
    """Trains one configuration to its end and measures its best weights on the test data: its only evaluation.

    The best weights are those of the best evaluation on validation data. Under cross-validation nothing is held out
    to choose by, so all training rows are trained on and the last weights count.
    """

    __test__ = False  # it is no class of tests

    @property
    def finished(self) -> bool:
        return self.step > 0

    def advance(self) -> Evaluation:
        """As of every run; ValueError: there is no test data."""
        began, prepared = time.perf_counter(), replace(self._prepared, folds=())
        if prepared.test is None:
            raise ValueError("there is no test data")
        trained = train_to_best(
            prepared,
            self.configuration,
            self._device,
            lambda *_: None,
            keep_best=not self._prepared.folds,
            manner=Manner(parts=self._parts),
        )
        self.step = trained.step
        metrics = evaluate(trained.run.model, prepared.test, prepared, self._device, "fp32")
        return Evaluation(self.trial_id, self.step, metrics, finished=True, seconds=time.perf_counter() - began)
