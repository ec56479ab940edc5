"""One trial under training: its model, optimizer, place and random state."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ...spaces.configuration import Configuration
from ..prepare import PreparedObjective
from ..seeds import derive_seed
from ..tasks.batch import Batch
from ..tasks.task import Task
from .course import Course
from .device import autocast, training_attention
from .evaluating import evaluation
from .mean_losses import MeanLosses
from .optimizer import load_moments, make_optimizer, moments, rate_factor, set_rates
from .parts import in_parts
from .trainer import Checkpoint, Evaluation
from .weighting.registry import make_weighting
from .weighting.static import Static
from .weighting.weighting import Setup


class TrainingRun(Course):
    """Trains one configuration from rung to rung. Everything it does follows from its configuration and the seed.

    With `parts` > 1 each batch is trained in so many parts; only dropout then draws otherwise.
    """

    def __init__(
        self,
        trial_id: int,
        configuration: Configuration,
        prepared: PreparedObjective,
        device: torch.device,
        parts: int = 1,
    ) -> None:
        super().__init__(trial_id, configuration, prepared, fixed_shapes=device.type == "cuda")
        self._device = device
        self._parts = parts
        self.model = prepared.models.build(self._batches.orders, self._training).to(device)
        self._trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        shared = [parameter for parameter in self.model.encoder.parameters() if parameter.requires_grad]
        setup = Setup(list(self._weights), prepared.seed, prepared.steps_per_epoch, shared)
        self._weighting = make_weighting(self._training.weighting, setup).to(device)
        self._optimizer = make_optimizer(
            self.model,
            configuration.learning_rate,
            self._training,
            self.model.depths(),
            self._weighting.parameters(),
        )
        self._random = _random_state(derive_seed(prepared.seed, "dropout"), device)
        self.on_step: Callable[[int], None] | None = None
        """Hears the number of steps done after each of them."""

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
        began = time.perf_counter()
        losses = self.train_to(rung)
        metrics = evaluation(self.model, self._prepared, self._device, self._training.precision)
        return self.evaluated(metrics, losses, time.perf_counter() - began)

    def train_to(self, rung: int) -> dict[str, float]:
        """Train to a step. Returns the mean normalised loss of each task over the steps in which it had a batch.

        Raises:
            Diverged: a loss is not finite.
        """
        self.model.train()
        first, means = self.step, MeanLosses()
        with self._own_random_state(), training_attention(self._device):
            while self.step < rung:
                self._step(means)
                self.step += 1
                if self.on_step is not None:
                    self.on_step(self.step)
        return means.read(self._prepared.normalisers, f"steps {first + 1} and {rung}")

    def _step(self, means: MeanLosses) -> None:
        """One optimizer step on L = α·L_main + Σ β_k·L_k, or what the weighting makes of these losses."""
        self._weighting.backward(self.step, self._scaled_losses(means))
        if self._training.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._trained, self._training.max_grad_norm, foreach=True)
        set_rates(self._optimizer, rate_factor(self.step, self.total_steps, self._training))
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def _scaled_losses(self, means: MeanLosses) -> Iterator[dict[str, torch.Tensor]]:
        """The step's scaled losses, pass by pass: the next pass runs when it is asked for."""
        batches = {task: batch.to(self._device) for task, batch in self._batches.at(self.step).items()}
        # Only a plain sum of losses is the same in parts.
        if self._parts > 1 and isinstance(self._weighting, Static):
            yield from self._losses_in_parts(batches, means)
            return
        groups = [{task: batch} for task, batch in batches.items()] if self._weighting.separate else [batches]
        for group in groups:
            # Sharing a pass must not cost more memory than the largest batch does anyway.
            passes = self.model.passes(group, self._batches.largest)
            while losses := self._next(passes):
                means.add(losses)
                yield {task: loss * self._scales[task] for task, loss in losses.items()}

    def _losses_in_parts(
        self, batches: Mapping[Task[Any], Batch], means: MeanLosses
    ) -> Iterator[dict[str, torch.Tensor]]:
        """The step's scaled losses, one part of one task's batch at a time."""
        for task, batch in batches.items():
            total = torch.zeros((), device=self._device)
            for part, share in in_parts(batch, self._parts):
                losses = self._next(self.model.passes({task: part}))
                assert losses is not None
                loss = losses[task.name] * share
                total += loss.detach()
                yield {task.name: loss * self._scales[task.name]}
            means.add({task.name: total})

    def _next(self, passes: Iterator[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor] | None:
        """The next pass forward; backward is outside, as autocast is made for."""
        with autocast(self._device, self._training.precision):
            return next(passes, None)

    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on from here, copied to the CPU."""
        return Checkpoint(
            self.configuration,
            self.step,
            self.weights(),
            moments(self._optimizer),
            dict(self._random),
            {name: value.detach().cpu().clone() for name, value in self._weighting.state_dict().items()},
            self._patience,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same configuration stopped."""
        self.load_weights(checkpoint.weights)
        load_moments(self._optimizer, checkpoint.optimizer)
        self._weighting.load_state_dict(checkpoint.weighting)
        self.step, self._patience = checkpoint.step, checkpoint.patience
        self._random = {**self._random, **checkpoint.random_state}

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of all parameters on the CPU; tied ones come once."""
        return {name: value.detach().cpu().clone() for name, value in self.model.named_parameters()}

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Set all parameters."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(weights[name])

    @contextmanager
    def _own_random_state(self) -> Generator[None]:
        """Dropout draws from this trial's own stream, whoever trained in between."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.set_rng_state(self._random["cpu"])
            if devices:
                torch.cuda.set_rng_state(self._random["cuda"], self._device)
            yield
            self._random = {"cpu": torch.get_rng_state()}
            if devices:
                self._random["cuda"] = torch.cuda.get_rng_state(self._device)


def _random_state(seed: int, device: torch.device) -> dict[str, torch.Tensor]:
    states = {"cpu": torch.Generator().manual_seed(seed).get_state()}
    if device.type == "cuda":
        states["cuda"] = torch.Generator(device).manual_seed(seed).get_state()
    return states
