"""One trial under training: its model, optimizer, place and random state."""

import math
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import torch

from ...spaces.configuration import Configuration
from ...spaces.errors import Diverged
from ..prepare import PreparedObjective
from ..seeds import derive_seed
from .device import autocast, training_attention
from .evaluating import evaluate
from .mixing import batches_of
from .optimizer import make_optimizer, rate_factor
from .trainer import Checkpoint, Evaluation


class TrainingRun:
    """Trains one configuration from rung to rung. Everything it does follows from its configuration and the seed."""

    def __init__(
        self, trial_id: int, configuration: Configuration, prepared: PreparedObjective, device: torch.device
    ) -> None:
        self.trial_id = trial_id
        self.configuration = configuration
        self.step = 0
        self._prepared = prepared
        self._device = device
        self._training = prepared.training_of(configuration)
        self._rungs = prepared.rungs(self._training)
        self._batches = batches_of(prepared, configuration, fixed_shapes=device.type == "cuda")
        self.model = prepared.models.build(self._batches.orders, self._training).to(device)
        self._optimizer = make_optimizer(self.model, configuration.learning_rate, self._training.weight_decay)
        self._weights = {prepared.settings.main_task: configuration.alpha, **configuration.betas}
        self._scales = torch.tensor(list(self._weights.values()), device=device)
        self._random = _random_state(derive_seed(prepared.seed, "dropout"), device)
        self.on_step: Callable[[int], None] | None = None
        """Hears the number of steps done after each of them."""

    @property
    def total_steps(self) -> int:
        """The trial's full length in main-task optimizer steps."""
        return self._rungs[-1]

    @property
    def finished(self) -> bool:
        return self.step >= self.total_steps

    def advance(self) -> Evaluation:
        """Train to the next rung and evaluate there.

        Raises:
            Diverged: a loss or a prediction is not finite.
        """
        began = time.perf_counter()
        rung = next(rung for rung in self._rungs if rung > self.step)
        with self._own_random_state(), training_attention(self._device):
            losses = self._train_to(rung)
        metrics = evaluate(
            self.model, self._prepared.validation, self._prepared.pad, self._device, self._training.precision
        )
        seconds = time.perf_counter() - began
        return Evaluation(self.trial_id, rung, metrics, self.finished, losses=losses, seconds=seconds)

    def _train_to(self, rung: int) -> dict[str, float]:
        """Mean normalised loss of each task over the steps. Finiteness is looked at once: no waiting on the device."""
        self.model.train()
        first, sums = self.step, torch.zeros(len(self._weights), device=self._device)
        while self.step < rung:
            sums += self._step()
            self.step += 1
            if self.on_step is not None:
                self.on_step(self.step)
        means = (sums / (rung - first)).tolist()
        if not all(map(math.isfinite, means)):
            raise Diverged(f"the loss is not finite between steps {first + 1} and {rung}")
        return dict(zip(self._weights, means, strict=True))

    def _step(self) -> torch.Tensor:
        """One optimizer step: L = α·L_main + Σ β_k·L_k. Returns each task's normalised loss (tasks,)."""
        batches = {task: batch.to(self._device) for task, batch in self._batches.at(self.step).items()}
        with autocast(self._device, self._training.precision):
            losses = self.model(batches)
        normalised = torch.stack([losses[name] / self._prepared.normalisers[name] for name in self._weights])
        (self._scales * normalised).sum().backward()
        if self._training.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._training.max_grad_norm, foreach=True)
        rate = self.configuration.learning_rate * rate_factor(self.step, self.total_steps, self._training)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return normalised.detach()

    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on from here, copied to the CPU."""
        moments = {
            f"{place}.{name}": value.detach().cpu().clone()
            for place, state in self._optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        return Checkpoint(self.configuration, self.step, self.weights(), moments, dict(self._random))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same configuration stopped."""
        self.load_weights(checkpoint.weights)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in checkpoint.optimizer.items():
            place, name = key.split(".")
            state.setdefault(int(place), {})[name] = value.clone()
        self._optimizer.load_state_dict({"state": state, "param_groups": self._optimizer.state_dict()["param_groups"]})
        self.step, self._random = checkpoint.step, {**self._random, **checkpoint.random_state}

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
