"""AdamW for trials that are rows of one tensor: clipped, checked and stepped each for itself."""

from collections.abc import Mapping

import torch
from torch import nn

from ...spaces.training import TrainingSettings
from ..models.fused.weights import FlatWeights, split_decayed
from .optimizer import set_rates

_MOMENTS = ("exp_avg", "exp_avg_sq")


def clip_rows(gradients: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    """Clip each trial's gradient, in place, to its own norm, as torch's `clip_grad_norm_` does one trial's.

    Args:
        gradients: (slots, total).
        limits: (slots,); infinity: never.

    Returns:
        (slots,) bool: whether the gradient is finite. One that is not touches no other row.
    """
    norms = torch.linalg.vector_norm(gradients, dim=1)
    gradients.mul_((limits / (norms + 1e-6)).clamp_(max=1).unsqueeze(1))
    return norms.isfinite()


class RowAdamW:
    """Torch's fused AdamW over one trial's row: two tensors, what decays and what does not.

    The row may be moved from stack to stack; its moments stay where they are. What it did is written and read as the
    plain trainer's optimizer does, parameter by parameter.
    """

    def __init__(
        self, row: torch.Tensor, layout: FlatWeights, learning_rate: float, training: TrainingSettings
    ) -> None:
        """Begin with a trial's weights (total,) and moments of zero, which are there at once: memory is known then."""
        self.row = row
        self._layout = layout
        self._parts = [nn.Parameter(part) for part in split_decayed(row, layout)]
        # The plain optimizer makes one group of all parameters where none decays.
        self._names = layout.decayed_first if training.weight_decay else layout.names
        rates = {"peak": learning_rate, "lr": learning_rate}
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [part], "weight_decay": decay, **rates}
                for part, decay in zip(self._parts, (training.weight_decay, 0.0), strict=True)
            ],
            fused=True,
        )
        for part in self._parts:
            moments = {name: torch.zeros_like(part, requires_grad=False) for name in _MOMENTS}
            self._optimizer.state[part] = {"step": torch.zeros((), device=row.device), **moments}

    def attach(self, row: torch.Tensor, gradient: torch.Tensor) -> None:
        """Move the weights to a row of a stack; `step` takes its gradient from another."""
        row.copy_(self.row)
        self.row = row
        for part, weights, found in zip(
            self._parts, split_decayed(row, self._layout), split_decayed(gradient, self._layout), strict=True
        ):
            part.data, part.grad = weights, found

    def detach(self) -> None:
        """Let the gradient go."""
        for part in self._parts:
            part.grad = None

    def step(self, factor: float, skip: torch.Tensor) -> None:
        """One step at the peak rate times `factor`; none where `skip`, a scalar on the device, is 1."""
        set_rates(self._optimizer, factor)
        # How torch's GradScaler tells its fused kernels to leave everything as it is, without asking the device.
        setattr(self._optimizer, "found_inf", skip)  # noqa: B010
        self._optimizer.step()

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of all parameters on the CPU."""
        return {name: value.cpu().clone() for name, value in self._layout.named(self.row.detach()).items()}

    def moments(self) -> dict[str, torch.Tensor]:
        """A copy of the state on the CPU, by `<place of the parameter>.<name>`."""
        step = self._optimizer.state[self._parts[0]]["step"].cpu()
        named = {name: self._named(name) for name in _MOMENTS}
        found: dict[str, torch.Tensor] = {}
        for place, parameter in enumerate(self._names):
            found[f"{place}.step"] = step.clone()
            found |= {f"{place}.{name}": named[name][parameter].cpu().clone() for name in _MOMENTS}
        return found

    def load(self, saved: Mapping[str, torch.Tensor]) -> None:
        """Set the state that `moments` gave, of this trainer or the plain one."""
        for name in _MOMENTS:
            values = {parameter: saved[f"{place}.{name}"] for place, parameter in enumerate(self._names)}
            self._fill(name, self._layout.flat(values))
        for part in self._parts:
            self._optimizer.state[part]["step"].copy_(saved["0.step"])

    def _named(self, moment: str) -> dict[str, torch.Tensor]:
        return self._layout.named(torch.cat([self._optimizer.state[part][moment] for part in self._parts]))

    def _fill(self, moment: str, row: torch.Tensor) -> None:
        for part, values in zip(self._parts, split_decayed(row, self._layout), strict=True):
            self._optimizer.state[part][moment].copy_(values)
