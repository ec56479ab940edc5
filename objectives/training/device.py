"""The device that a trainer computes on, and what it is good at."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from ...spaces.errors import InputError


def choose_device(name: str) -> torch.device:
    """`auto` (a GPU if there is one), `cpu`, `cuda`, or a GPU's number.

    Raises:
        InputError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    number = name.removeprefix("cuda").removeprefix(":") or "0"
    count = torch.cuda.device_count()
    if not number.isdecimal() or int(number) >= count:
        here = ", ".join(["auto", "cpu", *map(str, range(count))])
        raise InputError(f"--devices: no device {name!r} here; there are: {here}")
    return torch.device("cuda", int(number))


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("amx_tile"))


def autocast(device: torch.device, precision: Literal["auto", "fp32", "bf16"]) -> AbstractContextManager[object]:
    """Matrix products in bf16 where asked for, or where `auto` finds them fast; weights stay fp32."""
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
