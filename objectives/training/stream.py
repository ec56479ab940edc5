"""The random stream of a training's dropout, on the CPU and on its GPU."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch

from ..seeds import derive_seed
from .group import Group


class Stream:
    """One training's own draws, whoever trains in between.

    Alone it goes on from step to step. In a group each process has a stream of its own, which begins anew with every
    step, so that the leader's checkpoint is one for all.
    """

    def __init__(self, seed: int, device: torch.device, group: Group) -> None:
        self._seed, self._device, self._group = seed, device, group
        first = derive_seed(seed, "dropout")
        self._state = {"cpu": torch.Generator().manual_seed(first).get_state()}
        if device.type == "cuda":
            self._state["cuda"] = torch.Generator(device).manual_seed(first).get_state()

    def state(self) -> dict[str, torch.Tensor]:
        """The generators' states, by device type."""
        return dict(self._state)

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a state; one of another type of device begins anew there."""
        self._state = {**self._state, **state}

    def begin(self, step: int) -> None:
        """Begin a step (from 0); to be called inside `drawing`."""
        if self._group.size > 1:
            torch.manual_seed(derive_seed(self._seed, "dropout", self._group.rank, step))

    @contextmanager
    def drawing(self) -> Generator[None]:
        """Have torch draw from this stream until the context is left."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.set_rng_state(self._state["cpu"])
            if devices:
                torch.cuda.set_rng_state(self._state["cuda"], self._device)
            yield
            self._state = {"cpu": torch.get_rng_state()}
            if devices:
                self._state["cuda"] = torch.cuda.get_rng_state(self._device)
