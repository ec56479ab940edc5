"""A fault-tolerant trainer: trials resume from checkpoints on disk, and are retried when memory runs out.

It wraps any trainer. A checkpoint is written when a trial continues after an evaluation, so that the caller has
recorded whatever it holds: pruned and finished trials cost none. A trial that is admitted again resumes
from its file and first repeats its earlier evaluations. Trials that run out of memory are retried, each alone while
the others wait, with each batch in two parts; one that fails again has failed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ...spaces.configuration import Configuration
from .checkpoints import CheckpointStore
from .failure import FailureKind
from .saving import Saver
from .trainer import Checkpoint, Evaluation, Trainer, check_slot, in_slot

_RETRY_PARTS = 2
_FULL = "checkpoints cannot be written ({}): interrupted trials resume from earlier ones"


@dataclass
class _Trial:
    configuration: Configuration
    told: list[Evaluation]
    heard: int
    """The last step that the caller was told of."""
    parts: int
    trained_s: float = 0.0
    """Seconds since the last checkpoint."""
    unheard_s: float = 0.0
    """Seconds of what was trained again, which the caller is told with the next news."""
    begun: bool = False
    """Whether it advanced in this trainer since its last checkpoint."""
    parked: Checkpoint | None = None

    @property
    def over(self) -> bool:
        return bool(self.told) and self.told[-1].finished


@dataclass
class DurableTrainer(Trainer):
    """Any trainer with checkpoints.

    Args:
        trainer: trains.
        store: keeps the checkpoints.
        note: is told, once each, what the user should know: that the disk is full, that a trial is retried.
        cost: the largest share of training time that checkpoints may take; with 1 each rung that takes longer than a
            checkpoint has one.
    """

    trainer: Trainer
    store: CheckpointStore
    note: Callable[[str], None]
    cost: float
    _trials: dict[int, _Trial] = field(default_factory=dict[int, _Trial], init=False)
    _again: list[Evaluation] = field(default_factory=list[Evaluation], init=False)
    _alone: list[int] = field(default_factory=list[int], init=False)
    """Trials that train by themselves, one after another; the first one does, and all others wait."""
    _saver: Saver = field(init=False)

    def __post_init__(self) -> None:
        self._saver = Saver(self.note, _FULL)

    @property
    def capacity(self) -> int:
        return self.trainer.capacity

    def admit(
        self, trial_id: int, configuration: Configuration, checkpoint: Checkpoint | None = None, parts: int = 1
    ) -> None:
        check_slot(trial_id, self._trials, self.capacity)
        if checkpoint is None and (checkpoint := self._stored(trial_id, configuration)) is not None:
            self._again += [replace(evaluation, seconds=0.0) for evaluation in checkpoint.told]
        told = list(checkpoint.told) if checkpoint is not None else []
        trial = _Trial(configuration, told, told[-1].step if told else -1, parts)
        if self._alone:
            trial.parked = checkpoint
        else:
            self.trainer.admit(trial_id, configuration, checkpoint, parts)
        self._trials[trial_id] = trial

    def upcoming(self) -> list[int]:
        return [] if self._again else self.trainer.upcoming()

    def advance(self) -> list[Evaluation]:
        if self._again:
            again, self._again = self._again, []
            return again
        for trial_id, trial in self._trials.items():
            if trial.begun and not trial.over and trial.trained_s * self.cost >= self._saver.seconds:
                self._save(trial_id)
        while self.trainer.upcoming():
            evaluations = self.trainer.advance()
            short = [evaluation for evaluation in evaluations if self._is_retried(evaluation)]
            # Noted first: who has ended must not be sent to wait.
            news = [self._told(found) for found in evaluations if found not in short and self._is_news(found)]
            if short:
                self._retry_alone(short)
            if news:
                return news
        return []

    def checkpoint(self, trial_id: int) -> Checkpoint | None:
        trial = self._trial(trial_id)
        state = self.trainer.checkpoint(trial_id) if self._is_inside(trial_id) else trial.parked
        return None if state is None else replace(state, told=list(trial.told))

    def evict(self, trial_id: int) -> Checkpoint | None:
        """As every trainer does; the trial's state is on disk then too, be it finished."""
        trial = self._trial(trial_id)
        checkpoint = self._save(trial_id)
        self._leave(trial_id)
        return None if trial.over else checkpoint

    def discard(self, trial_id: int) -> None:
        self.abandon(trial_id)
        self.store.remove(trial_id)

    def abandon(self, trial_id: int) -> None:
        self._trial(trial_id)
        self._leave(trial_id)

    def _stored(self, trial_id: int, configuration: Configuration) -> Checkpoint | None:
        checkpoint = self.store.load(trial_id, configuration)
        is_over = checkpoint is not None and bool(checkpoint.told) and checkpoint.told[-1].finished
        return None if is_over else checkpoint

    def _is_news(self, evaluation: Evaluation) -> bool:
        """Note an evaluation. One that was told before is no news."""
        trial, failure = self._trials[evaluation.trial_id], evaluation.failure
        trial.unheard_s += evaluation.seconds
        trial.told.append(evaluation)
        trial.begun = failure is None
        trial.trained_s += evaluation.seconds
        is_news = evaluation.step > trial.heard or failure is not None
        trial.heard = max(trial.heard, evaluation.step)
        return is_news

    def _is_retried(self, evaluation: Evaluation) -> bool:
        """Whether it is a failure that a trial alone, with less of a batch at a time, may be spared."""
        failure = evaluation.failure
        is_short = failure is not None and failure.kind is FailureKind.OUT_OF_MEMORY
        return is_short and self._trials[evaluation.trial_id].parts == 1

    def _told(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation with all the seconds that it took, those of what was trained in vain too."""
        trial = self._trials[evaluation.trial_id]
        seconds, trial.unheard_s = trial.unheard_s, 0.0
        return replace(evaluation, seconds=seconds)

    def _retry_alone(self, short: Sequence[Evaluation]) -> None:
        """Try trials that ran out of memory once more, each by itself."""
        self._alone = [evaluation.trial_id for evaluation in short]
        for trial_id, trial in self._trials.items():
            if trial_id not in self._alone and not trial.over:
                trial.parked = self.trainer.evict(trial_id)
        for evaluation in short:
            trial_id, trial = evaluation.trial_id, self._trials[evaluation.trial_id]
            self.note(f"trial {trial_id} ran out of memory: retrying alone, with each batch in two parts")
            self.trainer.discard(trial_id)
            trial.parts, trial.begun = _RETRY_PARTS, False
            trial.unheard_s += evaluation.seconds
            trial.parked = self._stored(trial_id, trial.configuration)
            trial.told = list(trial.parked.told) if trial.parked is not None else []
        self._return(self._alone[:1])

    def _leave(self, trial_id: int) -> None:
        if self._is_inside(trial_id):
            self.trainer.discard(trial_id)
        del self._trials[trial_id]
        self._again = [evaluation for evaluation in self._again if evaluation.trial_id != trial_id]
        was_alone = self._alone[:1] == [trial_id]
        self._alone = [other_id for other_id in self._alone if other_id != trial_id]
        if was_alone:
            self._return(self._alone[:1] or list(self._trials))

    def _return(self, trial_ids: Sequence[int]) -> None:
        """Have trials that waited go on."""
        for trial_id in trial_ids:
            if not (trial := self._trials[trial_id]).over:
                self.trainer.admit(trial_id, trial.configuration, trial.parked, trial.parts)
                trial.parked = None

    def _is_inside(self, trial_id: int) -> bool:
        """Whether the trial is in a slot of the trainer, and not waiting while another is alone."""
        return self._alone[:1] in ([], [trial_id]) or self._trials[trial_id].over

    def _save(self, trial_id: int) -> Checkpoint | None:
        began, checkpoint, trial = time.monotonic(), self.checkpoint(trial_id), self._trials[trial_id]
        if checkpoint is None:
            return None
        if self._saver.save(partial(self.store.save, trial_id, checkpoint), began):
            trial.begun = False
        trial.trained_s = 0.0
        return checkpoint

    def _trial(self, trial_id: int) -> _Trial:
        return in_slot(trial_id, self._trials)
