"""Which trainer is the fastest on a device with so many slots, and how many slots a GPU is worth."""

import gc
from dataclasses import dataclass

import torch

from ...spaces.configuration import Configuration
from ..prepare import PreparedObjective
from .fused import FusedTrainer
from .plain import PlainTrainer
from .run import TrainingRun

MOST_SLOTS = 32
"""Beyond these a GPU gains little: 64 trials have 1.16 times the speed of 32, at twice the memory (docs/fused.md)."""
_LEARNING = 4
"""At most one in so many of the trials that are left is in training at once, or a search has nothing to learn from."""
_SPARE = 0.6
"""Of the free memory: the probed steps need not have been those with the longest texts."""


def fastest_trainer(prepared: PreparedObjective, device: torch.device, slots: int) -> PlainTrainer:
    """Trials as one program where that is faster, on a GPU with several; else one after another (docs/fused.md)."""
    kind = FusedTrainer if device.type == "cuda" and slots > 1 else PlainTrainer
    return kind(prepared, device, slots)


@dataclass(frozen=True)
class GpuProbe:
    """Bytes that one trial takes at its highest, and bytes that are free for trials."""

    trial: int
    free: int


def probe_gpu(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> GpuProbe:
    """Train a trial's first steps on a GPU, and see what it takes."""
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    run = TrainingRun(0, configuration, prepared, device)
    run.train_to(min(4, run.total_steps))
    taken = torch.cuda.max_memory_allocated(device) - before
    del run
    gc.collect()
    torch.cuda.empty_cache()
    return GpuProbe(taken, torch.cuda.mem_get_info(device)[0])


def slots_worth(probe: GpuProbe, left: int) -> tuple[int, str]:
    """How many slots a GPU is worth for the trials that are left to it, and why."""
    fit = max(1, int(_SPARE * probe.free) // max(probe.trial, 1))
    slots = max(1, min(MOST_SLOTS, left // _LEARNING, fit))
    each = f"each takes {probe.trial / 1e6:.0f} MB of the {probe.free / 1e9:.1f} GB that are free"
    return slots, f"training {slots} trials at once as one program: {each}"
