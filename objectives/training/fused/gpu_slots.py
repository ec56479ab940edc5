"""The number of slots for a GPU: measured memory of one trial, and measured speed of several as one program."""

import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ....spaces.configuration import Configuration
from ...multi_task.fused.model import FusedModel
from ...prepared import PreparedObjective
from ..failing import failure_of, is_more_than_a_trials
from ..failure import FailureKind
from ..run import TrainingRun
from .cohort import Cohort
from .run import FusedRun

MOST_SLOTS = 64
"""Beyond these nothing was measured (docs/fused.md)."""
_ENOUGH = 0.85
"""Of the speed of twice as many slots: for less than a sixth more, nobody gives twice the memory."""
_WARM, _TIMED = 2, 6
"""Steps until a GPU runs as it will, and steps whose time is taken."""
_SPARE = 0.6
"""Of the free memory trials may take: the probed steps need not have been those with the longest texts."""


@dataclass(frozen=True)
class GpuProbe:
    """Bytes that one trial takes at its highest, and bytes that are free for trials."""

    trial: int
    free: int


def probe_gpu(prepared: PreparedObjective, configuration: Configuration, device: torch.device) -> GpuProbe:
    """Train a trial's first steps on a GPU, and see what it takes."""
    before, _ = _memory(device)
    run = TrainingRun(0, configuration, prepared, device)
    run.train_to(min(4, run.total_steps))
    taken = _peak(device) - before
    del run
    gc.collect()
    torch.cuda.empty_cache()
    return GpuProbe(taken, torch.cuda.mem_get_info(device)[0])


def probe_step(prepared: PreparedObjective, configuration: Configuration, device: torch.device, slots: int) -> float:
    """Seconds of a step of so many trials as one program; infinite where they take too much memory.

    They take more than so many plain ones: attention keeps its weights for its gradient, (rows, heads, length, length).
    """
    taken, free = _memory(device)
    try:
        seconds = _seconds_a_step(prepared, configuration, device, slots)
        return math.inf if _peak(device) - taken > _SPARE * free else seconds
    except RuntimeError as error:
        if is_more_than_a_trials(error, device) or failure_of(error).kind is not FailureKind.OUT_OF_MEMORY:
            raise
        return math.inf
    finally:
        gc.collect()
        torch.cuda.empty_cache()


def _seconds_a_step(
    prepared: PreparedObjective, configuration: Configuration, device: torch.device, slots: int
) -> float:
    """What `probe_step` gives; with its end the trials are gone, so that their memory can be given back."""
    runs = [FusedRun(number, configuration, prepared, device) for number in range(slots)]
    cohort = Cohort(FusedModel(runs[0].shaped().to(device), prepared.seed), runs, prepared, device)
    cohort.train(min(_WARM, runs[0].rung - 1))  # it waits for the device before it returns
    first, began = runs[0].step, time.perf_counter()
    cohort.train(_TIMED)
    return (time.perf_counter() - began) / (runs[0].step - first)


def _memory(device: torch.device) -> tuple[int, float]:
    """Bytes that are taken, from where the highest count begins anew, and bytes that are free."""
    if device.type != "cuda":
        return 0, math.inf
    torch.cuda.init()  # before it the allocator knows no device whose peak it could reset
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device), torch.cuda.mem_get_info(device)[0]


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def slots_worth(probe: GpuProbe, most_trials: int, step: Callable[[int], float]) -> tuple[int, str]:
    """How many slots a GPU is worth, and why.

    Args:
        probe: what a trial takes there.
        most_trials: those that may train there at once.
        step: seconds of a step of so many trials at once, as `probe_step` takes them.
    """
    fit = max(1, int(_SPARE * probe.free) // max(probe.trial, 1))
    slots = max(1, min(MOST_SLOTS, most_trials, fit))
    if slots > 2:
        step(2)  # the first program also loads kernels, which would be counted against so many slots
    speed = slots / step(slots) if slots > 1 else 0.0
    while slots > 1 and (slower := slots // 2 / step(slots // 2)) >= _ENOUGH * speed:
        slots, speed = slots // 2, slower
    each = f"each takes {probe.trial / 1e6:.0f} MB of the {probe.free / 1e9:.1f} GB that are free"
    pace = f"; together they make {speed:.0f} steps a second" if speed else ""
    what = f"training {slots} trials at once as one program" if slots > 1 else "training one trial at a time"
    return slots, f"{what}: {each}{pace if slots > 1 else ''}"
