"""AdamW for trials stacked as rows of one tensor: each is clipped, checked and updated separately."""

from collections.abc import Mapping

import torch

from ....spaces.training import TrainingSettings
from ...multi_task.fused.weights import FlatWeights, split_decayed
from ..optimizer import BETAS, EPSILON

_MOMENTS = ("exp_avg", "exp_avg_sq")


def clip_rows(gradients: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    """Clip each trial's gradient, in place, to its own norm, as torch's `clip_grad_norm_` does one trial's.

    Args:
        gradients: (slots, total).
        limits: (slots,); infinity: never.

    Returns:
        (slots,) bool: whether that norm is finite; it is infinite, too, where numbers are beyond 1e19. One that is not
        touches no other row.
    """
    norms = torch.linalg.vector_norm(gradients, dim=1)
    gradients.mul_((limits / (norms + 1e-6)).clamp_(max=1).unsqueeze(1))
    return norms.isfinite()


class RowAdamW:
    """Torch's fused AdamW kernel over one trial's row: what decays, and what does not.

    The row may be moved from stack to stack; its moments stay where they are. What it did is written and read as the
    plain trainer's optimizer does, parameter by parameter.
    """

    def __init__(
        self, row: torch.Tensor, layout: FlatWeights, learning_rate: float, training: TrainingSettings
    ) -> None:
        """Begin with a trial's weights (total,) and moments of zero, which are there at once: memory is known then."""
        self.row = row
        self._layout = layout
        self._peak, self._decays = learning_rate, (training.weight_decay, 0.0)
        # The plain optimizer makes one group of all parameters where none decays.
        self._names = layout.decayed_first if training.weight_decay else layout.names
        self._moments = {name: torch.zeros_like(row) for name in _MOMENTS}
        self._count = torch.zeros((), device=row.device)
        self._parts: list[list[list[torch.Tensor]]] = []
        """What decays and what does not: of each the weights, their gradient and the moments."""

    def attach(self, row: torch.Tensor, gradient: torch.Tensor) -> None:
        """Move the weights to a row of a stack; `step` takes its gradient from another."""
        row.copy_(self.row)
        self.row = row
        split = [split_decayed(whole, self._layout) for whole in (row, gradient, *self._moments.values())]
        self._parts = [[[part] for part in parts] for parts in zip(*split, strict=True)]

    def detach(self) -> None:
        """Let the gradient go."""
        self._parts = []

    def leave(self) -> None:
        """Copy the weights out of their stack, which a view of one row would keep in memory whole."""
        self.row = self.row.clone()

    def step(self, factor: float, skip: torch.Tensor) -> None:
        """One step at the peak rate times `factor`; none where `skip`, a scalar on the device, is 1.

        The kernel itself, as torch's optimizer calls it: around it that takes longer than the call, trial by trial.
        """
        self._count += 1 - skip
        for (weights, gradient, mean, square), decay in zip(self._parts, self._decays, strict=True):
            torch._fused_adamw_(  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
                weights,
                gradient,
                mean,
                square,
                [],
                [self._count],
                lr=self._peak * factor,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
                # How torch's GradScaler tells the kernel to leave everything as it is, without asking the device.
                found_inf=skip,
            )

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of all parameters on the CPU."""
        return {name: value.clone() for name, value in self._layout.named(self.row.detach().cpu()).items()}

    def moments(self) -> dict[str, torch.Tensor]:
        """A copy of the state on the CPU, by `<place of the parameter>.<name>`."""
        count = self._count.cpu()
        named = {name: self._layout.named(moment.cpu()) for name, moment in self._moments.items()}
        found: dict[str, torch.Tensor] = {}
        for place, parameter in enumerate(self._names):
            found[f"{place}.step"] = count.clone()
            found |= {f"{place}.{name}": named[name][parameter].clone() for name in _MOMENTS}
        return found

    def load(self, saved: Mapping[str, torch.Tensor]) -> None:
        """Set the state that `moments` gave, of this trainer or the plain one, which has none where no gradient is."""
        for name, moment in self._moments.items():
            places = {parameter: f"{place}.{name}" for place, parameter in enumerate(self._names)}
            values = {
                parameter: saved[place] if place in saved else torch.zeros(self._layout.shapes[parameter])
                for parameter, place in places.items()
            }
            moment.copy_(self._layout.flat(values))
        self._count.copy_(next((value for name, value in saved.items() if name.endswith(".step")), torch.zeros(())))
