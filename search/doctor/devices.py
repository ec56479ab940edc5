"""The devices that trials can train on, for `autotune doctor`."""

from collections.abc import Iterator

import torch

from ...objectives.machine import core_count, free_memory
from ...objectives.training.device import has_bf16
from ...spaces.errors import first_line
from ..executors.places import gpus
from ..wording import counted
from .check import Check, State


def find_devices() -> Iterator[Check]:
    """Each GPU, and the cores. Where a GPU fails, the cores can train still: `--devices cpu`."""
    for place in gpus():
        yield _gpu(place.name, place.number or 0)
    yield _cores()


def _gpu(name: str, number: int) -> Check:
    if number >= torch.cuda.device_count():
        return Check(name, State.OK, "a MIG slice; only a separate process can inspect it")
    try:
        free, total = torch.cuda.mem_get_info(number)
        bf16 = _bf16(torch.device("cuda", number))
    except RuntimeError as error:
        reason = first_line(error)
        return Check(name, State.WRONG, f"fails: {reason}", "check the driver with nvidia-smi; or use --devices cpu")
    kind = torch.cuda.get_device_name(number)
    return Check(name, State.OK, f"{kind}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free, {bf16}")


def _cores() -> Check:
    count, free = core_count(), free_memory()
    memory = "" if free is None else f", {free / 1e9:.1f} GB of memory free"
    kind = f"{torch.backends.cpu.get_cpu_capability()}, {_bf16(torch.device('cpu'))}"
    return Check("CPU", State.OK, f"{counted(count, 'core')} to use{memory}, {kind}")


def _bf16(device: torch.device) -> str:
    return "bf16 in hardware" if has_bf16(device) else "no bf16 in hardware (trains in fp32)"
