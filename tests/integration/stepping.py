"""A trainer that trains nothing, for tests of what is around it."""

from collections.abc import Callable

from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.spaces.configuration import Configuration
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings

SPACE = SearchSpace(
    settings=SpaceSettings(), auxiliaries=(), learning_rate=(1e-5, 1e-3), training=TrainingSettings()
)  # fmt: skip


class SteppingTrainer(Trainer):
    """Three rungs a trial, one slot; `on_advance` hears the number of each."""

    def __init__(self, on_advance: Callable[[int], None] = lambda _: None) -> None:
        self._slots: dict[int, int] = {}
        self._advances = 0
        self._on_advance = on_advance

    @property
    def capacity(self) -> int:
        return 1

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        self._slots[trial_id] = 0

    def advance(self) -> list[Evaluation]:
        self._advances += 1
        self._on_advance(self._advances)
        (trial_id,) = self._slots
        self._slots[trial_id] += 1
        step = self._slots[trial_id]
        return [Evaluation(trial_id, step, {"accuracy": step / 3}, finished=step == 3, seconds=0.05)]

    def upcoming(self) -> list[int]:
        return list(self._slots)[:1]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return None

    def evict(self, trial_id: int) -> None:
        del self._slots[trial_id]
