"""A few steps of training, to know what a step costs before trials are placed."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ...spaces.configuration import Configuration
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


def resident_memory() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def free_memory() -> int | None:
    """Bytes that new processes may take, by the machine and by the container; None where the system does not tell."""
    found: list[int] = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        found += [] if limit == "max" else [int(limit) - used]
    except OSError:
        pass
    return min(found, default=None)
