"""What the layers of a stacked model know of the trials that they compute for: how many, and what each one drops."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from ...seeds import derive_seed


@dataclass(frozen=True)
class Slot:
    """One trial's place: the step that it trains (from 0), and its rate of dropout; None: the encoder's own rates."""

    step: int = 0
    dropout: float | None = None


@dataclass
class Slots:
    """The trials of a stacked model, shared by all its layers.

    What the layers are given holds the vectors of the first trial, then those of the second, and so on: as many of
    each, or, where a head reads only some tokens, `shares` of each.

    What is dropped follows from (seed, step, layer, how often the layer ran in this step), as if counted: a trial draws
    the same in whichever slot and beside whomever it trains, and trials at one step share a draw.
    """

    seed: int
    trials: Sequence[Slot] = (Slot(),)
    shares: Sequence[int] | None = None
    _runs: Counter[str] = field(default_factory=Counter[str], init=False)

    @property
    def count(self) -> int:
        return len(self.trials)

    def begin(self, trials: Sequence[Slot]) -> None:
        """A new step of these trials."""
        self.trials = trials
        self._runs.clear()

    def drop(self, values: torch.Tensor, layer: str, own_rate: float) -> torch.Tensor:
        """Dropout of (slots · rows, …), each trial at its own rate; `own_rate` is the encoder's."""
        rates = tuple(own_rate if trial.dropout is None else trial.dropout for trial in self.trials)
        if not any(rates):
            return values
        self._runs[layer] += 1
        apart = values.unflatten(0, (self.count, -1))
        steps = [trial.step for trial in self.trials]
        draws = {step: self._draw(apart[0], layer, step) for step in set(steps)}
        drawn = draws[steps[0]] if len(draws) == 1 else torch.stack([draws[step] for step in steps])
        kept = 1 - rates[0] if len(set(rates)) == 1 else _kept(rates, apart.device).view(-1, *[1] * (apart.dim() - 1))
        return (apart * (drawn < kept).to(values.dtype).div_(kept)).flatten(0, 1)

    def _draw(self, values: torch.Tensor, layer: str, step: int) -> torch.Tensor:
        """Of one trial's values (rows, …): uniform in [0, 1); those below the share that is kept stay."""
        seed = derive_seed(self.seed, "dropout", step, layer, self._runs[layer])
        random = torch.Generator(values.device).manual_seed(seed)
        return torch.rand(values.shape, generator=random, device=values.device)


@lru_cache(maxsize=64)
def _kept(rates: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """The share that each trial keeps, (slots,). Remembered, because a step must not wait for a copy to the device."""
    return torch.tensor([1 - rate for rate in rates], device=device)
