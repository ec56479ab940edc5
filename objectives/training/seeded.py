"""Trials with their own seeds: each has its own split, order, initial weights and variants."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import torch

from ...spaces.configuration import Configuration
from ..prepared import PreparedObjective
from .fresh import Fresh
from .plain import PlainTrainer
from .trainer import Checkpoint, Evaluation, Trainer, check_capacity, check_slot, in_slot

_KEPT = 2
"""Prepared seeds in memory beside those in training: trials come seed by seed."""


class SeededTrainer(Trainer):
    """A trainer for each seed that is in training: trials of one seed may train as one program.

    Args:
        prepare: the data by a seed.
        fresh: each trial's seed.
        device: where all train.
        capacity: how many trials fit, of all seeds together.
        make: the trainer of one seed, of its data, device and slots.
    """

    def __init__(
        self,
        prepare: Callable[[int], PreparedObjective],
        fresh: Mapping[int, Fresh],
        device: torch.device,
        capacity: int,
        make: Callable[[PreparedObjective, torch.device, int], PlainTrainer],
    ) -> None:
        check_capacity(capacity)
        self._prepared = lru_cache(_KEPT)(prepare)
        self._fresh = fresh
        self._device = device
        self._capacity = capacity
        self._make = make
        self._trainers: dict[Fresh, PlainTrainer] = {}
        self._homes: dict[int, Fresh] = {}

    @property
    def capacity(self) -> int:
        return self._capacity

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        check_slot(trial_id, self._homes, self._capacity)
        home = self._fresh[trial_id]
        if home not in self._trainers:
            self._trainers[home] = self._made(home)
        self._trainers[home].admit(trial_id, configuration, checkpoint, parts)
        self._homes[trial_id] = home

    def upcoming(self) -> list[int]:
        return next(filter(None, (trainer.upcoming() for trainer in self._trainers.values())), [])

    def advance(self) -> list[Evaluation]:
        """Train a rung of the seed that came first: seeds then end one after another."""
        if not (upcoming := self.upcoming()):
            return []
        return self._trainers[self._homes[upcoming[0]]].advance()

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return self._trainer(trial_id).checkpoint(trial_id)

    def evict(self, trial_id: int) -> Checkpoint | None:
        checkpoint = self._trainer(trial_id).evict(trial_id)
        self._leave(trial_id)
        return checkpoint

    def discard(self, trial_id: int) -> None:
        self._trainer(trial_id).discard(trial_id)
        self._leave(trial_id)

    def _made(self, home: Fresh) -> PlainTrainer:
        prepared = self._prepared(home.seed)
        if home.tested:
            return PlainTrainer(prepared, self._device, self._capacity, tested=True)
        return self._make(prepared, self._device, self._capacity)

    def _trainer(self, trial_id: int) -> PlainTrainer:
        return self._trainers[in_slot(trial_id, self._homes)]

    def _leave(self, trial_id: int) -> None:
        home = self._homes.pop(trial_id)
        if home not in self._homes.values():
            del self._trainers[home]
