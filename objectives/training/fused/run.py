"""One trial in the fused trainer: its row of weights, optimizer state, position and memory."""

from collections.abc import Mapping
from threading import Lock

import torch

from ....spaces.configuration import Configuration
from ....spaces.errors import Diverged
from ....spaces.training import Precision
from ...multi_task.fused.slots import StackedTrial
from ...multi_task.fused.weights import FlatWeights
from ...multi_task.model import MultiTaskModel
from ...prepared import PreparedObjective
from ..course import Course
from ..mean_losses import MeanLosses
from ..mixing import Batches
from ..optimizer import rate_factor
from ..trainer import Checkpoint, Evaluation
from .row_adamw import RowAdamW

_BUILDING = Lock()
"""New weights are drawn from torch's own generator, which is the process's."""


class FusedRun(Course):
    """A trial, in whichever cohort it is: what is its own there, and nobody else's."""

    def __init__(
        self, trial_id: int, configuration: Configuration, prepared: PreparedObjective, device: torch.device
    ) -> None:
        super().__init__(trial_id, configuration, prepared, fixed_shapes=True)
        self.means = MeanLosses()
        """Of the losses since the last evaluation."""
        self.alive = True
        """Whether the norm of its gradients was finite. A trial of which it was not is updated no more."""
        self._device = device
        self._evaluated_step = 0
        self._form: tuple[tuple[int, int], tuple[object, ...]] | None = None
        """With the step and the rung that it is of."""
        self._checkpoint: Checkpoint | None = None
        self._optimizer: RowAdamW | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those that are on, the main one first."""
        return tuple(self._batches.orders)

    @property
    def structure(self) -> tuple[object, ...]:
        """What trials have in common that one model can compute."""
        return self.tasks, self._training.keep_layers

    @property
    def form(self) -> tuple[object, ...]:
        """What trials have in common that train together to their next rung: all that shapes a tensor until there."""
        way = self.step, self.rung
        if self._form is None or self._form[0] != way:
            training, cleaning = self._training, sorted(self.configuration.cleaning.items())
            # Batches of one shape may hold other rows under another batch size; those of one form are common to all.
            chosen = training.keep_layers, training.precision, training.batch_size, cleaning
            self._form = way, (self.tasks, chosen, [self._batches.shapes(step) for step in range(*way)])
        return self._form[1]

    @property
    def rung(self) -> int:
        """The step of the next evaluation; it may have come there and failed to be evaluated among so many."""
        return next(rung for rung in self._rungs if rung > self._evaluated_step)

    @property
    def precision(self) -> Precision:
        return self._training.precision

    @property
    def pass_tokens(self) -> int:
        """How many tokens of it share a pass."""
        return self._batches.pass_tokens(self._device)

    @property
    def stacked(self) -> StackedTrial:
        """What the model's layers are told of the next step."""
        return StackedTrial(self.step, self._training.dropout)

    @property
    def clipping(self) -> float:
        """The norm that its gradients are clipped to."""
        limit = self._training.max_grad_norm
        return torch.inf if limit is None else limit

    @property
    def scales(self) -> dict[str, float]:
        """What each task's mean loss is multiplied by: its weight over its normaliser."""
        return self._scales

    @property
    def due(self) -> tuple[Batches, int]:
        """Where its next step's batches come from (see `together`)."""
        return self._batches, self.step

    def shaped(self) -> MultiTaskModel:
        """A fresh model of the trial's tasks, on the CPU, with the encoder's own dropout."""
        training = self._training.model_copy(update={"dropout": None})
        with _BUILDING:
            return self._prepared.models.build(self.tasks, training)

    def begin(self, layout: FlatWeights) -> RowAdamW:
        """Have weights and moments: the first ones, or those of the checkpoint to go on from."""
        if self._optimizer is None:
            known = self._checkpoint
            # Under every name: on some devices a copy of a model shares no weights between its parts.
            first = dict(self.shaped().named_parameters(remove_duplicate=False)) if known is None else known.weights
            row = layout.flat(first).to(self._device)
            optimizer = RowAdamW(row, layout, self.configuration.learning_rate, self._training)
            if known is not None:
                optimizer.load(known.optimizer)
            self._optimizer, self._checkpoint = optimizer, None
        return self._optimizer

    def update(self, skip: torch.Tensor) -> None:
        """The optimizer's part of a step; none where `skip` is 1."""
        assert self._optimizer is not None
        self._optimizer.step(rate_factor(self.step, self.total_steps, self._training), skip)
        self.step += 1

    def rest(self) -> None:
        """Let go of the cohort's gradients."""
        if self._optimizer is not None:
            self._optimizer.detach()

    def losses(self) -> dict[str, float]:
        """The mean normalised loss of each task since the last evaluation; the next one counts anew.

        Raises:
            Diverged: a loss or the norm of the gradients was not finite.
        """
        means, self.means = self.means, MeanLosses(self.step)
        found = means.read(self._prepared.normalisers, self.step)
        if not self.alive:
            raise Diverged(f"the norm of the gradients is not finite between steps {means.first + 1} and {self.step}")
        return found

    def evaluated(self, metrics: Mapping[str, float], losses: Mapping[str, float], seconds: float) -> Evaluation:
        self._evaluated_step = self.step
        return super().evaluated(metrics, losses, seconds)

    def checkpoint(self) -> Checkpoint | None:
        """All that is needed to go on from here, on any trainer; None where there is nothing yet.

        What is dropped follows from the step, so there is no random state.
        """
        if self._optimizer is None:
            return self._checkpoint
        weights, moments, losses = self._optimizer.weights(), self._optimizer.moments(), self.means.state()
        return Checkpoint(self.configuration, self.step, weights, moments, {}, patience=self._patience, losses=losses)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same configuration stopped."""
        self._checkpoint, self._patience = checkpoint, checkpoint.patience
        self.step = self._evaluated_step = checkpoint.step
        self.means = MeanLosses.of(checkpoint.losses, self.step, self._device)
