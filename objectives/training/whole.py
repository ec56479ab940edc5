"""A trial that consists of whole trainings: between them only the position is state."""

from abc import ABC, abstractmethod

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
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
