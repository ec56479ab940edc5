"""The layers' view of the stacked trials: their number, steps and dropout rates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from ...seeds import derive_seed

_INT16, _INT64 = torch.iinfo(torch.int16), torch.iinfo(torch.int64)


@dataclass(frozen=True)
class StackedTrial:
    """The step that a trial trains (from 0), and its rate of dropout; None: the encoder's own rates."""

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
    trials: Sequence[StackedTrial] = (StackedTrial(),)
    shares: Sequence[int] | None = None
    _runs: Counter[str] = field(default_factory=Counter[str], init=False)

    @property
    def count(self) -> int:
        return len(self.trials)

    def begin(self, trials: Sequence[StackedTrial]) -> None:
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
        if len(set(rates)) == 1:
            kept, first = 1 - rates[0], _first_kept(rates[0])
        else:
            kept, first = (part.view(-1, *[1] * (apart.dim() - 1)) for part in _by_slot(rates, apart.device))
        return (apart * (drawn >= first).to(values.dtype).div_(kept)).flatten(0, 1)

    def _draw(self, values: torch.Tensor, layer: str, step: int) -> torch.Tensor:
        """Of one trial's values (rows, …): 16 bits each, uniform, as int16; all from the first that is kept on stay.

        Four numbers are drawn as one of 64 bits, which takes a CPU a quarter of the time of as many real numbers.
        """
        seed = derive_seed(self.seed, "dropout", step, layer, self._runs[layer])
        random = torch.Generator(values.device).manual_seed(seed)
        drawn = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device)
        drawn.random_(_INT64.min, None, generator=random)
        return drawn.view(torch.int16)[: values.numel()].view(values.shape)


def _first_kept(rate: float) -> int:
    """The least of the 2^16 numbers drawn that is kept."""
    return min(_INT16.min + round(rate * 2**16), _INT16.max)


@lru_cache(maxsize=64)
def _by_slot(rates: tuple[float, ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The share that each trial keeps and its first number that is kept, each (slots,).

    Remembered, because a step must not wait for a copy to the device.
    """
    first = torch.tensor([_first_kept(rate) for rate in rates], dtype=torch.int16, device=device)
    return torch.tensor([1 - rate for rate in rates], device=device), first
