"""A few steps of training, to measure the cost of a step before trials are placed."""

import time
from dataclasses import dataclass

import torch

from ...spaces.configuration import Configuration
from ..machine import resident_memory
from ..prepared import PreparedObjective
from .run import TrainingRun

_STEPS = 3


@dataclass(frozen=True)
class Probe:
    """What training takes on the CPU.

    `alone` and `together` are seconds a step with one thread and with all of them; `memory` is this process's bytes.
    """

    alone: float
    together: float
    memory: int


@dataclass(frozen=True)
class Around:
    """What a trial takes beside its steps: seconds to build its model and of one evaluation, its checkpoint's bytes."""

    building: float
    evaluating: float
    checkpoint: int


def probe_cpu(prepared: PreparedObjective, configuration: Configuration, steps: int = _STEPS) -> Probe:
    """Train a few steps with one thread and with all of them. Trials do not depend on it: they draw from themselves."""
    threads, device = torch.get_num_threads(), torch.device("cpu")
    together = seconds_a_step(prepared, configuration, device, steps)
    torch.set_num_threads(1)
    try:
        alone = seconds_a_step(prepared, configuration, device, steps)
    finally:
        torch.set_num_threads(threads)
    return Probe(alone, together, resident_memory())


def seconds_a_step(
    prepared: PreparedObjective, configuration: Configuration, device: torch.device, steps: int
) -> float:
    """The mean of so many steps after the first, which allocates; 0 where a trial is one step long."""
    run = TrainingRun(0, configuration, _first(prepared), device)
    steps = min(steps, run.total_steps - 1)
    if steps < 1:
        return 0.0
    run.train_to(1)
    began = time.perf_counter()
    run.train_to(1 + steps)  # reading the losses waits for a GPU
    return (time.perf_counter() - began) / steps


def probe_around(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> Around:
    """Build a trial's model, train one step and evaluate."""
    began = time.perf_counter()
    run = TrainingRun(0, configuration, _first(prepared), device)
    built = time.perf_counter()
    run.train_to(1)
    stepped = time.perf_counter()
    run.advance_to(1)
    evaluated = time.perf_counter()
    state = run.checkpoint()
    tensors = [*state.weights.values(), *state.optimizer.values()]
    return Around(built - began, evaluated - stepped, sum(tensor.nbytes for tensor in tensors))


def _first(prepared: PreparedObjective) -> PreparedObjective:
    """The first fold, where there are folds."""
    return prepared.folds[0] if prepared.folds else prepared
