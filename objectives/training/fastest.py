"""Which trainer is the fastest on a device with so many slots."""

import torch

from ..prepared import PreparedObjective
from .fused import FusedTrainer
from .plain import PlainTrainer


def fastest_trainer(prepared: PreparedObjective, device: torch.device, slots: int) -> PlainTrainer:
    """Trials as one program where that is faster, on a GPU with several; else one after another (docs/fused.md)."""
    kind = FusedTrainer if device.type == "cuda" and slots > 1 else PlainTrainer
    return kind(prepared, device, slots)
