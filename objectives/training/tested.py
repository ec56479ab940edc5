"""A configuration measured on the test data: trained as production would, and looked at once."""

from dataclasses import replace

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .production import Manner, train_production
from .trainer import Checkpoint, Evaluation


class TestedRun:
    """Trains one configuration to its end and measures its best weights on the test data: its only evaluation.

    The best weights are those of the best evaluation on validation data. Under cross-validation nothing is held out
    to choose by, so all training rows are trained on and the last weights count.

    Raises:
        ValueError: there is no test data.
    """

    __test__ = False  # it is no class of tests

    def __init__(
        self,
        trial_id: int,
        configuration: Configuration,
        prepared: PreparedObjective,
        device: torch.device,
        parts: int = 1,
    ) -> None:
        if prepared.test is None:
            raise ValueError("there is no test data")
        self.trial_id = trial_id
        self.configuration = configuration
        self.step = 0
        self._prepared = prepared
        self._device = device
        self._parts = parts

    @property
    def finished(self) -> bool:
        """Whether the test data was looked at."""
        return self.step > 0

    def advance(self) -> Evaluation:
        """Train from the start to the end, and look at the test data.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """
        trained = train_production(
            replace(self._prepared, folds=()),
            self.configuration,
            self._device,
            lambda *_: None,
            keep_best=not self._prepared.folds,
            manner=Manner(parts=self._parts),
        )
        self.step = trained.step
        return Evaluation(self.trial_id, self.step, trained.test, finished=True, seconds=trained.seconds)

    def checkpoint(self) -> Checkpoint:
        """The place: before it is done there is nothing to keep."""
        return Checkpoint(self.configuration, self.step, {}, {}, {})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take the place of a checkpoint of the same configuration."""
        self.step = checkpoint.step
