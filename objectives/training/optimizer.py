"""AdamW, its parameter groups, and the learning rate schedule."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ...spaces.training import TrainingSettings

BETAS, EPSILON = (0.9, 0.999), 1e-8
BALANCE_RATE = 0.01
"""Rate of what a loss weighting learns: log-variances of order 1 must get somewhere in some hundred steps of Adam."""


def make_optimizer(
    model: nn.Module,
    learning_rate: float,
    training: TrainingSettings,
    depths: Mapping[str, int],
    balance: Iterable[nn.Parameter],
) -> torch.optim.AdamW:
    """Fused AdamW over what trains; biases and norms (fewer than two dimensions) do not decay, as is usual for BERT.

    Args:
        model: frozen parameters are left out.
        learning_rate: the peak rate at the top.
        training: weight decay, and the decay of rates from layer to layer (Clark et al. 2020, ELECTRA).
        depths: how far up each parameter stands, by name: 0 at the embeddings, most for the heads. Empty: all alike.
        balance: what the loss weighting learns: never decayed, at a rate of its own.
    """
    top = max(depths.values(), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = learning_rate * training.layer_decay ** (top - depths.get(name, top))
            decay = training.weight_decay if parameter.ndim >= 2 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    groups.setdefault((BALANCE_RATE, 0.0), []).extend(balance)
    return torch.optim.AdamW(
        [
            {"params": parameters, "peak": rate, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
            if parameters
        ],
        betas=BETAS,
        eps=EPSILON,
        fused=True,
    )


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Every group's rate is its own peak times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


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


def moments(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """A copy of the optimizer's state on the CPU, by `<place of the parameter>.<name>`."""
    return {
        f"{place}.{name}": value.detach().cpu().clone()
        for place, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_moments(optimizer: torch.optim.Optimizer, saved: Mapping[str, torch.Tensor]) -> None:
    """Set the state that `moments` gave."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in saved.items():
        place, name = key.split(".")
        state.setdefault(int(place), {})[name] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
