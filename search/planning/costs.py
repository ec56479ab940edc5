"""The cost of one trial, extrapolated from a few steps."""

import math
from dataclasses import dataclass

import torch

from ...objectives.machine import free_memory
from ...objectives.prepared import PreparedObjective
from ...objectives.training.fused.fusible import unfusible
from ...objectives.training.fused.gpu_slots import probe_gpu, probe_step
from ...objectives.training.probing import Around, Probe, probe_around, probe_cpu, seconds_a_step
from ...spaces.configuration import Configuration
from ...spaces.errors import TrainingError, first_line

STEPS = 6
"""Of each configuration, with one thread and with all: their lengths differ, so that three would say less."""
_TIMES = 2
"""The same steps are trained so often and the faster time counts: a neighbour on the machine may stall one."""
_WARM = 2
"""Steps until a GPU runs as it will (objectives/training/fused/gpu_slots.py)."""


@dataclass(frozen=True)
class Length:
    """What is done in a trial, or up to one of its rungs: main-task steps, evaluations, and models that are built."""

    steps: int
    evaluations: int
    models: int = 1


@dataclass(frozen=True)
class Cost:
    """What training a configuration takes on one place.

    `alone` is seconds of a step with one thread, and None on a GPU; `together` with all threads, or on the GPU.
    `memory` and `free` are bytes: of the training process, or of a trial on a GPU; None where nobody tells.
    """

    together: float
    alone: float | None
    around: Around
    memory: int
    free: int | None

    @property
    def probe(self) -> Probe:
        """As the choice of an executor takes it."""
        return Probe(self.together if self.alone is None else self.alone, self.together, self.memory)

    def memory_of(self, trials: int) -> int:
        """Bytes of a training process that holds so many trials at once; on a GPU those of the trials.

        On a CPU trials take turns: those that wait hold their model and their optimizer's state, as a checkpoint does.
        """
        return self.memory + (trials - 1) * (self.memory if self.alone is None else self.around.checkpoint)

    def seconds(self, length: Length, *, one_thread: bool) -> float:
        """Of training for that length, without neighbours that share the place."""
        step, slower = self.together, 1.0
        if one_thread and self.alone is not None:
            step, slower = self.alone, self.alone / self.together if self.together else 1.0
        beside = length.models * self.around.building + length.evaluations * self.around.evaluating
        return length.steps * step + slower * beside


def measure(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> Cost:
    """Train a few steps of a configuration, and evaluate once.

    Raises:
        Diverged: a loss is not finite.
        TrainingError: it cannot be trained here, for example as memory is too short.
    """
    try:
        return (_on_gpu if device.type == "cuda" else _on_cpu)(prepared, configuration, device)
    except (RuntimeError, MemoryError) as error:
        raise TrainingError(f"the probe could not train a step on {device}: {first_line(error)}") from error


def _on_cpu(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> Cost:
    torch.set_flush_denormal(True)  # as the trainer does
    around = probe_around(prepared, configuration, device)
    probes = [probe_cpu(prepared, configuration, STEPS) for _ in range(_TIMES)]
    together, alone = min(probe.together for probe in probes), min(probe.alone for probe in probes)
    return Cost(together, alone, around, probes[-1].memory, free_memory())


def _on_gpu(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> Cost:
    memory = probe_gpu(prepared.folds[0] if prepared.folds else prepared, configuration, device)
    seconds_a_step(prepared, configuration, device, _WARM)
    step = min(seconds_a_step(prepared, configuration, device, STEPS) for _ in range(_TIMES))
    return Cost(step, None, probe_around(prepared, configuration, device), memory.trial, memory.free)


def share_of_a_step(
    prepared: PreparedObjective, configuration: Configuration, device: torch.device, slots: int, cost: Cost
) -> float:
    """How much of the time of a step alone one of so many trials takes that train as one program."""
    if device.type != "cuda" or not cost.together or unfusible(prepared, configuration):
        return 1.0
    while slots > 1:
        if math.isfinite(step := probe_step(prepared, configuration, device, slots)):
            return step / slots / cost.together
        slots //= 2  # as the trainer goes on where memory is short
    return 1.0
