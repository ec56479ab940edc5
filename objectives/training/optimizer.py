"""AdamW and the learning rate's course."""

import math

import torch
from torch import nn

from ...spaces.training import TrainingSettings


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Fused AdamW; biases and norms (fewer than two dimensions) do not decay, as is usual for BERT."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    decaying = {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay}
    spared = {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}
    return torch.optim.AdamW([decaying, spared], lr=learning_rate, fused=True)


def rate_factor(step: int, total: int, training: TrainingSettings) -> float:
    """What the peak rate is multiplied by at a step (from 0) of a training of `total` steps.

    It depends on the trial's full length only, never on where it may be stopped, so that rungs compare.
    """
    warmup = round(total * training.warmup)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if training.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(total - warmup, 1)
    return 1 - progress if training.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
