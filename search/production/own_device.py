"""On which device each of several processes trains that share one training."""

import os

import torch

from ...objectives.training.device import choose_device
from ...objectives.training.group import Group, local_rank
from ...spaces.errors import InputError


def own_device(name: str, group: Group) -> torch.device:
    """The process's own device: of several on a host each has the GPU of its number.

    Raises:
        InputError: there is none, or one was asked for by several.
    """
    if group.size == 1:
        return choose_device(name)
    if name not in ("auto", "cpu"):
        raise InputError(f"--devices: {name!r} is one device, and {group.size} processes train: leave it out, or cpu")
    own = name == "auto" and torch.cuda.is_available()
    # A launcher may show each process its own GPU only, and CUDA shows one slice of a GPU to a process.
    alone = torch.cuda.device_count() == 1 and "CUDA_VISIBLE_DEVICES" in os.environ
    number = 0 if alone else local_rank()
    device = choose_device(str(number) if own else "cpu")
    if own:
        torch.cuda.set_device(device)
    return device
