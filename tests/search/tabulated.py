"""Learning curves from tables instead of training, for tests of the tuner: a trainer, an observer and a study."""

import math
from collections.abc import Callable, Mapping, Sequence

import optuna
import torch
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.failure import Failure, FailureKind
from autotune.objectives.training.trainer import Checkpoint, Evaluation, Trainer
from autotune.search.claims import Claims
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.observer import Standing
from autotune.search.roles import BASELINE, CONFIGURATION, EQUAL_WEIGHTS, ROLE
from autotune.search.scoring import Scoring
from autotune.search.settings import SearchSettings
from autotune.search.tuner import Budget, Ending, Tuner
from autotune.spaces.configuration import Configuration
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import TrialState

RUNGS = (10, 20, 30, 40, 50, 60)
Curve = Sequence[float | FailureKind]
"""A trial's value at each rung, or how it fails there."""

SPACE = SearchSpace(
    settings=SpaceSettings.model_validate(
        {
            "augmentation": {"operations": ["noise", "mixup"]},
            "training": {"batch_size": [8, 32], "schedule": ["linear", "cosine"]},
        }
    ),
    auxiliaries=("aspect",),
    learning_rate=(1e-5, 1e-3),
    training=TrainingSettings(),
)


class TabulatedTrainer(Trainer):
    """Replays learning curves instead of training; otherwise a trainer like any other."""

    def __init__(self, curve: Callable[[Configuration], Curve], capacity: int = 1) -> None:
        self._curve = curve
        self._capacity = capacity
        self._slots: dict[int, tuple[Configuration, int]] = {}
        self.admitted: list[tuple[int, Configuration]] = []
        self.most = 0
        self.crash_at: int | None = None
        """Raise in the advance of this number."""
        self.device_fails_at: int | None = None
        self.advances = 0
        self.on_advance: Callable[[int], None] = lambda _: None

    @property
    def capacity(self) -> int:
        return self._capacity

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        if trial_id in self._slots or len(self._slots) >= self._capacity:
            raise ValueError(f"no slot for trial {trial_id}")
        self._slots[trial_id] = configuration, 0
        self.admitted.append((trial_id, configuration))
        self.most = max(self.most, len(self._slots))

    def advance(self) -> list[Evaluation]:
        if not self._slots:
            return []
        self.advances += 1
        self.on_advance(self.advances)
        if self.crash_at == self.advances:
            raise OSError("the machine is on fire")
        if self.device_fails_at == self.advances:
            raise torch.AcceleratorError("CUDA error: device-side assert triggered")
        trial_id = min(self._slots, key=lambda number: (self._slots[number][1], number))
        configuration, place = self._slots[trial_id]
        value = self._curve(configuration)[place]
        self._slots[trial_id] = configuration, place + 1
        if isinstance(value, FailureKind):
            return [
                Evaluation(trial_id, RUNGS[place], finished=True, failure=Failure(value, "as tabulated"), seconds=1.0)
            ]
        metrics = {"accuracy": value, "other": -value}
        return [Evaluation(trial_id, RUNGS[place], metrics, finished=place + 1 == len(RUNGS), seconds=1.0)]

    def upcoming(self) -> list[int]:
        return list(self._slots)[:1]

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        return None

    def evict(self, trial_id: int) -> Checkpoint | None:
        if trial_id not in self._slots:
            raise ValueError(f"trial {trial_id} is in no slot")
        del self._slots[trial_id]
        return None


class Recorder:
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def began(self, total: int, standing: Standing, direction: str, max_steps: int, slots: int) -> None:
        self.heard.append(("began", total, standing, direction, max_steps))

    def updated(self, standing: Standing) -> None:
        self.heard.append(("updated", standing))

    def started(self, number: int, role: str | None, configuration: Configuration) -> None:
        self.heard.append(("started", number, role))

    def evaluated(self, number: int, step: int, value: float) -> None:
        self.heard.append(("evaluated", number, step, value))

    def completed(self, number: int, value: float, step: int, others: Mapping[str, float]) -> None:
        self.heard.append(("completed", number, value, step))

    def pruned(self, number: int, step: int, value: float) -> None:
        self.heard.append(("pruned", number, step))

    def failed(self, number: int, reason: str) -> None:
        self.heard.append(("failed", number, reason))

    def requeued(self, number: int) -> None:
        self.heard.append(("requeued", number))

    def message(self, text: str) -> None:
        self.heard.append(("message", text))

    def ended(self, reason: str) -> None:
        self.heard.append(("ended", reason))

    def named(self, *names: str) -> list[tuple[object, ...]]:
        return [event for event in self.heard if event[0] in names]


def rising(configuration: Configuration) -> list[float]:
    """A smooth landscape with its best near a rate of 1e-4; every rung tells the ranking already."""
    quality = 0.9 - 0.1 * abs(math.log10(configuration.learning_rate) + 4) - 0.05 * configuration.mix.share
    return [quality - 0.1 + 0.02 * place for place in range(len(RUNGS))]


def humped(configuration: Configuration) -> Curve:
    """Best at the third rung."""
    *first, last = rising(configuration)
    return [*first[:2], last + 0.05, *first[3:], last]


class Bench:
    """One study over tabulated curves, that is run as often as a test wants."""

    def __init__(self, storage: BaseStorage, *, enqueue: bool = True) -> None:
        self.storage = storage
        self.study = optuna.create_study(study_name="bench", storage=self.storage, direction="maximize")
        given = {BASELINE: SPACE.baseline(), EQUAL_WEIGHTS: SPACE.equal_weights()} if enqueue else {}
        for role, configuration in given.items():
            attributes = {ROLE: role, CONFIGURATION: configuration.model_dump()}
            self.study.enqueue_trial(SPACE.nearest(configuration), user_attrs=attributes)

    def run(
        self,
        trainer: TabulatedTrainer,
        total: int,
        *,
        pruner: BasePruner | None = None,
        sampler: BaseSampler | None = None,
        interruption: Interruption | None = None,
        timeout_s: float | None = None,
        budgets: SearchSettings | None = None,
        scoring: Scoring = Scoring(["accuracy"]),  # noqa: B008  a frozen value
        recorder: Recorder | None = None,
        store: CheckpointStore | None = None,
    ) -> tuple[Ending, Recorder]:
        study = optuna.load_study(
            study_name="bench",
            storage=self.storage,
            sampler=sampler or RandomSampler(seed=1 + len(self.study.trials)),
            pruner=pruner or NopPruner(),
        )
        recorder = recorder or Recorder()
        with InlineExecutor(trainer, store) as executor:
            budget = Budget(timeout_s, budgets)
            tuner = Tuner(Claims(study, self.storage), SPACE, executor, recorder, scoring, RUNGS[-1], budget)
            return tuner.run(total, interruption or Interruption()), recorder

    def states(self) -> list[TrialState]:
        return [trial.state for trial in self.study.get_trials(deepcopy=False)]

    def configurations(self) -> list[Mapping[str, object]]:
        return [trial.user_attrs[CONFIGURATION] for trial in self.study.get_trials(deepcopy=False)]
