"""Which trainer is the fastest on a device with so many slots."""

import torch

from ..prepared import PreparedObjective
from .fused.trainer import FusedTrainer
from .plain import PlainTrainer


def fastest_trainer(prepared: PreparedObjective, device: torch.device, slots: int, cores: int) -> PlainTrainer:
    """Trials as one program where that is faster; else one after another (docs/fused.md).

    Args:
        prepared: the study's data.
        device: where to train.
        slots: how many trials.
        cores: of a CPU, over which several trials are spread in threads; 1: the trials take turns there.
    """
    if slots > 1 and (device.type == "cuda" or cores > 1):
        return FusedTrainer(prepared, device, slots, cores)
    return PlainTrainer(prepared, device, slots)
