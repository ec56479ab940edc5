"""What results depend on beside settings and data: packages, Python, the system, the device."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

import torch

_PACKAGES = ("autotune-mtl", "optuna", "torch", "transformers", "tokenizers", "datasets", "scikit-learn", "numpy")


def versions() -> dict[str, str]:
    """What runs here, by name; nothing in it names the machine or its user."""
    return {
        **{name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": _device(),
    }


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
