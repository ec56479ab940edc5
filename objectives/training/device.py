"""The device that a trainer computes on, and what it is good at."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...spaces.errors import InputError
from ...spaces.training import Precision


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
    # Where torch is too old to tell, fp32 is the safe answer.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "amx_tile"))


def product_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """Of matrix products: bf16 where asked for, or where `auto` finds them fast; weights stay fp32."""
    in_bf16 = precision == "bf16" or (precision == "auto" and has_bf16(device))
    return torch.bfloat16 if in_bf16 else torch.float32


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Matrix products in their `product_dtype`."""
    dtype = product_dtype(device, precision)
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def autocast_passes(
    passes: Iterator[dict[str, torch.Tensor]], device: torch.device, precision: Precision
) -> Iterator[dict[str, torch.Tensor]]:
    """Forward passes, one when it is asked for; backward, between two, is outside, as autocast is made for."""
    while True:
        with autocast(device, precision):
            losses = next(passes, None)
        if not losses:
            return
        yield losses


def training_attention(device: torch.device) -> AbstractContextManager[object]:
    """The fastest attention to train with. On the CPU the flash kernel's backward pass takes twice as long."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
