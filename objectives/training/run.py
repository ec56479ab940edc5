"""One trial in training: its model, optimizer, position and random state."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from ...spaces.configuration import Configuration
from ...spaces.errors import InputError
from ..prepared import PreparedObjective
from ..tasks.batch import Batch
from ..tasks.task import Task
from .course import Course
from .device import autocast_passes, training_attention
from .evaluating import evaluation
from .group import ALONE, Group
from .mean_losses import MeanLosses
from .optimizer import load_moments, make_optimizer, moments, rate_factor, set_rates
from .parts import Division, in_parts
from .stream import Stream
from .trainer import Checkpoint, Evaluation
from .weighting.registry import make_weighting
from .weighting.weighting import Setup


class TrainingRun(Course):
    """Trains one configuration from rung to rung. Everything it does follows from its configuration and the seed.

    With `parts` > 1 each batch is trained in so many parts, with `most_rows` in parts of so many, and with a group each
    of its processes trains a share of it; only dropout then draws otherwise. Weightings that do not split get whole
    batches all the same.

    Raises:
        InputError: processes cannot share what the weighting needs whole.
    """

    def __init__(
        self,
        trial_id: int,
        configuration: Configuration,
        prepared: PreparedObjective,
        device: torch.device,
        parts: int = 1,
        *,
        most_rows: int | None = None,
        group: Group = ALONE,
    ) -> None:
        super().__init__(trial_id, configuration, prepared, fixed_shapes=device.type == "cuda")
        self._device = device
        self._group = group
        self._division = Division(parts, most_rows, group.rank, group.size)
        self.model = prepared.models.build(self._batches.orders, self._training).to(device)
        self._trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        shared = [parameter for parameter in self.model.encoder.parameters() if parameter.requires_grad]
        setup = Setup(list(self._weights), prepared.seed, prepared.steps_per_epoch, shared)
        self._weighting = make_weighting(self._training.weighting, setup).to(device)
        if group.size > 1 and not self._weighting.splits:
            raise InputError(
                f"training: weighting: {self._training.weighting!r} needs whole batches, which processes cannot share: "
                "train in one process"
            )
        self._optimizer = make_optimizer(
            self.model,
            configuration.learning_rate,
            self._training,
            self.model.depths(),
            self._weighting.parameters(),
        )
        self._stream = Stream(prepared.seed, device, group)
        self._means = MeanLosses()
        self.on_step: Callable[[int], None] | None = None
        """Hears the number of steps done after each of them."""

    @property
    def learning_rate(self) -> float:
        """The rate of the last step, at the top of the model."""
        factor = rate_factor(max(self.step - 1, 0), self.total_steps, self._training)
        return self.configuration.learning_rate * factor

    def advance(self) -> Evaluation:
        """Train to the next rung and evaluate there.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """
        return self.advance_to(self.next_rung)

    def advance_to(self, rung: int) -> Evaluation:
        """Train to a step and evaluate there.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """
        began, prepared = time.perf_counter(), self._prepared
        losses = self.train_to(rung)
        measured = evaluation(self.model, prepared, self._device, self._training.precision) if self._group.leads else {}
        return self.evaluated(self._group.told(measured), losses, time.perf_counter() - began)

    def train_to(self, step: int) -> dict[str, float]:
        """Train to a step. Returns the mean normalised loss of each task since this was last asked.

        Steps in which a task had no batch do not count for it.

        Raises:
            Diverged: a loss is not finite.
        """
        self.go_to(step)
        means, self._means = self._means, MeanLosses(self.step)
        return means.read(self._prepared.normalisers, self.step)

    def go_to(self, step: int) -> None:
        """Train to a step, and look at nothing: the way to a point between two evaluations."""
        self.model.train()
        with self._stream.drawing(), training_attention(self._device):
            while self.step < step:
                self._stream.begin(self.step)
                self._step()
                self.step += 1
                if self.on_step is not None:
                    self.on_step(self.step)

    def _step(self) -> None:
        """One optimizer step on L = α·L_main + Σ β_k·L_k, or what the weighting makes of these losses."""
        self._weighting.backward(self.step, self._scaled_losses())
        self._group.sum_gradients(self._trained)
        if self._training.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._trained, self._training.max_grad_norm, foreach=True)
        set_rates(self._optimizer, rate_factor(self.step, self.total_steps, self._training))
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def _scaled_losses(self) -> Iterator[dict[str, torch.Tensor]]:
        """The step's scaled losses, pass by pass: the next pass runs when it is asked for."""
        given = self._batches.at(self.step)
        if self._weighting.splits and not self._division.is_whole:
            yield from self._losses_in_parts(given)
            return
        batches = {task: batch.to(self._device) for task, batch in given.items()}
        groups = [{task: batch} for task, batch in batches.items()] if self._weighting.separate else [batches]
        for group in groups:
            for losses in self._passes(group):
                self._means.add(losses)
                yield {task: loss * self._scales[task] for task, loss in losses.items()}

    def _losses_in_parts(self, batches: Mapping[Task[Any], Batch]) -> Iterator[dict[str, torch.Tensor]]:
        """The step's scaled losses, part by part; several tasks' parts go together where that costs no memory."""
        divided = {
            task: [(part.to(self._device), share) for part, share in in_parts(batch, self._division)]
            for task, batch in batches.items()
        }
        alone = [{task: part} for task, parts in divided.items() for part in parts]
        together = {task: parts[0] for task, parts in divided.items() if parts}
        sums = {task.name: torch.zeros((), device=self._device) for task in batches}
        for group in alone if self._division.limits else [together]:
            shares = {task.name: share for task, (_, share) in group.items()}
            for losses in self._passes({task: part for task, (part, _) in group.items()}):
                own = {name: loss * shares[name] for name, loss in losses.items()}
                for name, loss in own.items():
                    sums[name] += loss.detach()
                yield {name: loss * self._scales[name] for name, loss in own.items()}
        self._group.sum(list(sums.values()))
        self._means.add(sums)

    def _passes(self, batches: Mapping[Task[Any], Batch]) -> Iterator[dict[str, torch.Tensor]]:
        passes = self.model.passes(batches, self._batches.pass_tokens(self._device))
        return autocast_passes(passes, self._device, self._training.precision)

    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on from here, copied to the CPU."""
        return Checkpoint(
            self.configuration,
            self.step,
            self.weights(),
            moments(self._optimizer),
            self._stream.state(),
            {name: value.detach().cpu().clone() for name, value in self._weighting.state_dict().items()},
            self._patience,
            self._means.state(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same configuration stopped."""
        self.load_weights(checkpoint.weights)
        load_moments(self._optimizer, checkpoint.optimizer)
        self._weighting.load_state_dict(checkpoint.weighting)
        self.step, self._patience = checkpoint.step, checkpoint.patience
        self._means = MeanLosses.of(checkpoint.losses, self.step, self._device)
        self._stream.load(checkpoint.random_state)

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of all parameters on the CPU; tied ones come once."""
        return {name: value.detach().cpu().clone() for name, value in self.model.named_parameters()}

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Set all parameters."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(weights[name])
