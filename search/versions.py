"""Versions that results depend on: packages, Python, the system, the device."""

from collections.abc import Mapping

import torch

from .packages import packages


def versions() -> dict[str, str]:
    """What runs here, by name; nothing in it names the machine or its user."""
    return {**packages(), "device": _device()}


def _device() -> str:
    """The device that `--devices auto` takes; of a CPU its instructions, by which torch chooses how to compute."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return f"CPU with {torch.backends.cpu.get_cpu_capability()}"


def differences(known: Mapping[str, str]) -> list[str]:
    """What is another one here, for example "torch is 2.12.0 here and was 2.11.0"."""
    here = versions()
    changed = [name for name in here if known.get(name, here[name]) != here[name]]
    return [f"{name} is {here[name]} here and was {known[name]}" for name in changed]
