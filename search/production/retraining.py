"""Retraining the configuration of a best.yaml, once per seed, on the executors of a study."""

import math
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...objectives.settings import ObjectiveSettings
from ...objectives.training.checkpoints import CheckpointStore
from ...objectives.training.fresh import Fresh
from ...objectives.training.trainer import Evaluation
from ...spaces.errors import StudyFileError
from ...spaces.space import SpaceSettings
from ..bank_progress import Quarters
from ..confirmation.fresh import FreshRecipe, prepare_fresh
from ..executors.choosing import Workload, make_executor
from ..executors.executor import Executor
from ..executors.placement import Placement
from ..executors.places import first_device
from ..export.best_file import BestConfiguration
from ..interruption import Interruption, interruption
from ..passwords import without_passwords
from ..scoring import Scoring
from ..settings import SearchSettings
from ..study_file.schema import StudyFile
from ..study_file.together import mistakes_together
from .labels import check_labels

_POLL_S = 1.0
_DISK = 10 * 10**9
"""Bytes of checkpoints at most, which serve workers that die; the folder goes with the run."""


@dataclass(frozen=True)
class Outcome:
    """What one training came to: the (first) objective, or why there is none."""

    value: float | None
    failure: str = ""


Heard = Callable[[int, Outcome], None]
"""Hears a seed and what its training came to."""


def study_file_of(best: BestConfiguration) -> StudyFile:
    """The study file that trains what best.yaml describes; its space has only what decides the data.

    Raises:
        StudyFileError: no study could have exported these settings.
    """
    settings = {name: getattr(best.settings, name) for name in ObjectiveSettings.model_fields}
    rate = best.configuration.learning_rate
    space = SpaceSettings(learning_rate=(rate / 2, rate * 2), augmentation=best.augmentation, cleaning=best.cleaning)
    file = StudyFile(name="verify", **settings, space=space, search=SearchSettings(seed=best.seed))
    if mistakes := [f"settings.{'.'.join(map(str, place))}: {text}" for place, text in mistakes_together(file)]:
        raise StudyFileError("\n".join(mistakes))
    return file


def train_again(
    best: BestConfiguration,
    base: Path,
    seeds: Sequence[int],
    placement: Placement,
    note: Callable[[str], None],
    heard: Heard,
) -> dict[int, Outcome]:
    """Train on every seed, each with its own split, order, first weights and variants.

    Args:
        best: what is trained.
        base: the folder that data paths are relative to.
        seeds: each once.
        placement: where to train.
        note: hears what the user should know.
        heard: hears of each training that ended.

    Raises:
        InputError: data, encoder or device cannot be used.
        KeyboardInterrupt: somebody asked to stop; the trainings under way come to nothing.
    """
    file = study_file_of(best)
    with interruption(note, "soon") as interrupted, tempfile.TemporaryDirectory(prefix="autotune-verify-") as folder:
        prepared = prepare_fresh(file, base, seeds[0], Quarters(note), first_device(placement.devices))
        check_labels(best, prepared.corpus)
        recipe = FreshRecipe(
            file,
            base.absolute(),
            CheckpointStore(Path(folder), best.content_digest(), _DISK),
            placement.slots or 1,
            fresh={place: Fresh(seed) for place, seed in enumerate(seeds)},
        )
        with make_executor(placement, recipe, prepared, Workload(len(seeds), len(seeds)), note) as executor:
            note(f"training again on seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}")
            run = _Run(best, seeds, executor, heard)
            run.go(interrupted)
    if interrupted.requested and len(run.outcomes) < len(seeds):
        raise KeyboardInterrupt
    return {seed: run.outcomes[seed] for seed in seeds}


@dataclass
class _Run:
    """The loop that fills free slots, advances and takes what comes; a training is known by its seed's place."""

    best: BestConfiguration
    seeds: Sequence[int]
    executor: Executor
    heard: Heard
    outcomes: dict[int, Outcome] = field(default_factory=dict[int, Outcome])
    _values: dict[int, dict[int, list[float]]] = field(default_factory=dict[int, dict[int, list[float]]])

    def go(self, interrupted: Interruption) -> None:
        waiting = deque(range(len(self.seeds)))
        while (waiting or self._values) and not interrupted.requested:
            while waiting and len(self._values) < self.executor.capacity:
                place = waiting.popleft()
                self._values[place] = {}
                self.executor.admit(place, self.best.configuration)
            self._take(self.executor.advance(_POLL_S))

    def _take(self, evaluations: Iterable[Evaluation]) -> None:
        for evaluation in evaluations:
            if evaluation.trial_id not in self._values:
                continue
            if evaluation.failure is not None:
                self._end(evaluation.trial_id, Outcome(None, without_passwords(str(evaluation.failure))))
                continue
            self._values[evaluation.trial_id][evaluation.step] = self._scoring.values(evaluation.metrics)
            if evaluation.finished:
                self._end(evaluation.trial_id, self._outcome(self._values[evaluation.trial_id]))

    def _end(self, place: int, outcome: Outcome) -> None:
        self.executor.discard(place)
        del self._values[place]
        self.outcomes[self.seeds[place]] = outcome
        self.heard(self.seeds[place], outcome)

    def _outcome(self, values: Mapping[int, Sequence[float]]) -> Outcome:
        """As the tuner scores a trial: one value that is not finite fails it."""
        if not all(math.isfinite(value) for each in values.values() for value in each):
            return Outcome(None, f"diverged: {self.best.settings.metric} is not finite")
        _, (value, *_) = self._scoring.outcome(values, maximize=self.best.settings.maximize)
        return Outcome(value)

    @property
    def _scoring(self) -> Scoring:
        settings = self.best.settings
        return Scoring(settings.measures[:1], folds=settings.data.folds is not None)
