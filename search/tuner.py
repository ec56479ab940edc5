"""The tuner: one loop that fills free slots by asking, advances, reports, prunes by evicting, and tells.

It alone writes to the study. A trial is in the storage before it is trained and told after; whatever
kills the process in between leaves a RUNNING trial, which the next run puts back into the queue, so that
every number is trained to an end exactly once.
"""

import math
import time
from dataclasses import dataclass, field
from enum import StrEnum

import optuna
from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState

from ..objectives.training.trainer import Evaluation, Failure, FailureKind
from ..spaces.configuration import Configuration
from ..spaces.space import SearchSpace
from .claims import Claims
from .executors.executor import Executor
from .interruption import Interruption
from .observer import Observer
from .roles import BASELINE, BEST_STEP, CONFIGURATION, FAILURE, FOLDS, ROLE, SECONDS
from .scoring import Scoring

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "all trials are done"
    TIMEOUT = "the timeout is over"
    DEVICE_HOURS = "the device-hours are spent"
    INTERRUPTED = "interrupted"


@dataclass
class _Running:
    """A trial in a slot. `values` holds those of its evaluations by step, an interrupted earlier life's included.

    `reported` is the last place that its pruner was told of, in that life or this.
    """

    trial: Trial
    values: dict[int, list[float]]
    reported: int
    metrics: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    seconds: float = 0.0


class Tuner:
    """Runs trials of one study until `total` have ended.

    Args:
        study: an Optuna study with its sampler and pruner.
        storage: the study's storage.
        space: translates Optuna's parameters.
        executor: trains.
        scoring: what evaluations are worth.
        max_steps: the full length of a trial, for the view.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        space: SearchSpace,
        executor: Executor,
        observer: Observer,
        scoring: Scoring,
        max_steps: int,
    ) -> None:
        self._study = study
        self._storage = storage
        self._space = space
        self._executor = executor
        self._observer = observer
        self._scoring = scoring
        self._max_steps = max_steps
        self._running: dict[int, _Running] = {}
        self._maximize = study.directions[0] == optuna.study.StudyDirection.MAXIMIZE

    def run(self, total: int, interruption: Interruption, timeout_s: float | None = None) -> Ending:
        """Go on until `total` trials have ended, the timeout is over or an interruption is requested.

        Trials that are still running then go back into the queue: the next run starts with them.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._requeue(self._orphans())
        self._announce(total)
        ending = Ending.INTERRUPTED
        try:
            while not interruption.requested:
                if deadline is not None and time.monotonic() > deadline:
                    ending = Ending.TIMEOUT
                    break
                self._fill(total)
                if not self._running:
                    ending = Ending.DONE
                    break
                for evaluation in self._executor.advance():
                    self._take(evaluation)
        finally:
            with interruption.shield():
                # All that run, and not only those known here: a signal may have come between asking and noting.
                self._requeue(self._orphans())
                self._running.clear()
                self._observer.ended(str(ending))
        return ending

    def _orphans(self) -> list[int]:
        """RUNNING trials that nobody runs: the caller holds the study's lock, so no other tuner is at work."""
        return [trial.number for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]

    def _requeue(self, numbers: list[int]) -> None:
        study_id = self._storage.get_study_id_from_name(self._study.study_name)
        for number in numbers:
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
            self._storage.set_trial_state_values(trial_id, TrialState.WAITING)
            if number in self._running:
                self._observer.requeued(number)

    def _announce(self, total: int) -> None:
        ended = self._study.get_trials(deepcopy=False, states=ENDED)
        complete = {t.number: t.values[0] for t in ended if t.state == TrialState.COMPLETE}
        chosen = max if self._maximize else min
        best = chosen(complete.items(), key=lambda item: item[1]) if complete else None
        baselines = (t.number for t in ended if t.user_attrs.get(ROLE) == BASELINE and t.number in complete)
        baseline = next((complete[number] for number in baselines), None)
        direction = "maximize" if self._maximize else "minimize"
        self._observer.began(total, len(ended), best, baseline, direction, self._max_steps)

    def _fill(self, total: int) -> None:
        ended = len(self._study.get_trials(deepcopy=False, states=ENDED))
        while len(self._running) < min(self._executor.capacity, total - ended):
            trial = self._study.ask(self._space.distributions)
            given = trial.user_attrs.get(CONFIGURATION)
            configuration = Configuration.model_validate(given) if given else self._space.configuration(trial.params)
            trial.set_user_attr(CONFIGURATION, configuration.model_dump())
            known = self._study.get_trials(deepcopy=False)[trial.number].intermediate_values
            values = {} if self._scoring.folds else {step: [value] for step, value in known.items()}
            self._running[trial.number] = _Running(trial, values, max(known, default=0))
            self._observer.started(trial.number, trial.user_attrs.get(ROLE), configuration)
            self._executor.admit(trial.number, configuration)

    def _take(self, evaluation: Evaluation) -> None:
        running = self._running[evaluation.trial_id]
        running.seconds += evaluation.seconds
        if evaluation.failure is not None:
            self._fail(running, evaluation.failure)
            return
        values = self._scoring.values(evaluation.metrics)
        for name, value in zip(self._scoring.measures, values, strict=True):
            if not math.isfinite(value):
                message = f"{name} is {value} at step {evaluation.step}"
                self._fail(running, Failure(FailureKind.DIVERGED, message))
                return
        running.metrics[evaluation.step] = dict(evaluation.metrics)
        running.values.setdefault(evaluation.step, values)
        is_news = self._report(running, evaluation.step)
        shown = self._scoring.shown(running.values, evaluation.step)
        self._observer.evaluated(running.trial.number, evaluation.step, shown)
        if evaluation.finished:
            self._complete(running)
        elif is_news and ROLE not in running.trial.user_attrs and running.trial.should_prune():
            self._prune(running, evaluation.step, shown)

    def _report(self, running: _Running, step: int) -> bool:
        """Report an evaluation. What a trial reported before it was interrupted stands: it catches up in silence.

        Optuna takes no reports of several objectives, and prunes none of their trials.
        """
        place, value = self._scoring.report(running.values, step)
        if place <= running.reported or len(self._scoring.measures) > 1:
            return False
        running.trial.report(value, place)
        running.reported = place
        return True

    def _complete(self, running: _Running) -> None:
        step, values = self._scoring.outcome(running.values, maximize=self._maximize)
        folds = {FOLDS: self._scoring.by_fold(running.values)} if self._scoring.folds else {}
        metrics = self._scoring.metrics(running.metrics, step)
        self._leave(running, {BEST_STEP: step, "metrics": metrics, **folds})
        self._study.tell(running.trial, values)
        others = dict(zip(self._scoring.measures[1:], values[1:], strict=True))
        self._observer.completed(running.trial.number, values[0], step, others)

    def _prune(self, running: _Running, step: int, value: float) -> None:
        self._leave(running, {})
        self._study.tell(running.trial, state=TrialState.PRUNED)
        self._observer.pruned(running.trial.number, step, value)

    def _fail(self, running: _Running, failure: Failure) -> None:
        self._leave(running, {FAILURE: {"kind": str(failure.kind), "message": failure.message}})
        self._study.tell(running.trial, state=TrialState.FAIL)
        self._observer.failed(running.trial.number, str(failure))

    def _leave(self, running: _Running, attributes: dict[str, object]) -> None:
        """Free the slot and note what is known; the state is told last, so that a kill loses nothing."""
        self._executor.evict(running.trial.number)
        for name, value in {**attributes, SECONDS: running.seconds}.items():
            running.trial.set_user_attr(name, value)
        del self._running[running.trial.number]
