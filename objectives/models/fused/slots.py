"""The layers' view of the stacked trials: their number, steps and dropout rates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

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
        rates = [own_rate if trial.dropout is None else trial.dropout for trial in self.trials]
        if not any(rates):
            return values
        self._runs[layer] += 1
        apart = values.unflatten(0, (self.count, -1))
        draws = [(trial.step, rate) for trial, rate in zip(self.trials, rates, strict=True)]
        masks = {draw: self._mask(apart[0], layer, *draw) for draw in set(draws)}
        mask = masks[draws[0]] if len(masks) == 1 else torch.stack([masks[draw] for draw in draws])
        return (apart * mask).flatten(0, 1)

    def _mask(self, values: torch.Tensor, layer: str, step: int, rate: float) -> torch.Tensor:
        """What one trial's values (rows, …) are multiplied by: 0 where dropped, else 1 / (1 - rate)."""
        seed = derive_seed(self.seed, "dropout", step, layer, self._runs[layer])
        random = torch.Generator(values.device).manual_seed(seed)
        return torch.empty_like(values, requires_grad=False).bernoulli_(1 - rate, generator=random).div_(1 - rate)
