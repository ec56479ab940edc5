"""The tuner: one loop that fills free slots by asking, advances, reports, prunes by evicting, and tells.

It and its like on other hosts alone write to the study, never a worker. A trial is in the storage before it is
trained and told after; whatever kills the process in between leaves a RUNNING trial, which the next run or a living
tuner puts back into the queue (claims.py), so that every number is trained to an end exactly once.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from statistics import fmean
from typing import TypeVar

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from ..objectives.training.failure import Failure, FailureKind, timed_out
from ..objectives.training.trainer import Evaluation
from ..spaces.configuration import Configuration
from ..spaces.errors import DeviceFailed
from ..spaces.space import SearchSpace
from .checkpoints import worth_keeping
from .claims import Claims
from .executors.executor import Executor
from .interruption import Interruption
from .observer import Observer
from .passwords import without_passwords
from .roles import BASELINE, BEST_STEP, CONFIGURATION, FAILURE, FOLDS, REACHED, ROLE, SECONDS
from .scoring import Scoring
from .settings import SearchSettings
from .storage import patiently

T = TypeVar("T")
_POLL_S = 1.0
"""How often to look for the end of trials that other tuners run."""
_PARTING_S = 10.0
"""How long a run that leaves waits for its storage: the next one takes back what this one cannot give back."""
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "all trials are done"
    TIMEOUT = "the timeout is over"
    DEVICE_HOURS = "the device-hours are spent"
    INTERRUPTED = "interrupted"


def _now() -> float:
    return time.monotonic()


@dataclass
class _Running:
    """A trial in a slot. `values` holds those of its evaluations by step, an interrupted earlier life's included.

    `reported` is the last place that its pruner was told of, in that life or this.
    """

    trial: Trial
    values: dict[int, list[float]]
    reported: int
    lost: float = 0.0
    metrics: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    seconds: float = 0.0
    begun: float = field(default_factory=_now)
    evaluation: Evaluation | None = None
    """The last one counted: it may be taken twice where a server was away."""
    is_news: bool = False
    """Whether its report was the first of its place."""
    say: Callable[[], None] = lambda: None
    """Tells the observer how the trial ended, once that is stored."""

    @property
    def spent(self) -> float:
        """Seconds of training, those lost in earlier lives too."""
        return self.lost + self.seconds


class Tuner:
    """Runs trials of one study until `total` have ended.

    Args:
        study: an Optuna study with its sampler and pruner.
        claims: the study's storage, shared with other tuners.
        space: translates Optuna's parameters.
        executor: trains.
        scoring: what evaluations are worth.
        max_steps: the full length of a trial, for the view.
    """

    def __init__(
        self,
        study: optuna.Study,
        claims: Claims,
        space: SearchSpace,
        executor: Executor,
        observer: Observer,
        scoring: Scoring,
        max_steps: int,
    ) -> None:
        self._study = study
        self._budgets = SearchSettings()
        self._claims = claims
        self._durations: list[float] = []
        self._space = space
        self._executor = executor
        self._observer = observer
        self._scoring = scoring
        self._max_steps = max_steps
        self._running: dict[int, _Running] = {}
        self._maximize = study.directions[0] == optuna.study.StudyDirection.MAXIMIZE

    def run(
        self,
        total: int,
        interruption: Interruption,
        timeout_s: float | None = None,
        budgets: SearchSettings | None = None,
    ) -> Ending:
        """Go on until `total` trials have ended, a budget is over or an interruption is requested.

        Trials that are still running then go back into the queue: the next run starts with them. Where other
        tuners run the last trials, this one waits for them, as it takes over if they die.

        Args:
            total: trials of the study, earlier runs' and other tuners' included.
            interruption: says when to stop.
            timeout_s: the longest time of this run.
            budgets: its `device_hours` and `trial_timeout` hold; by default trials take what they want.
        """
        self._budgets = budgets or self._budgets
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._patiently(self._reap)
        self._patiently(lambda: self._announce(total))
        ending = Ending.INTERRUPTED
        with self._claims.beating():
            try:
                ending = self._loop(total, interruption, deadline)
                self._suspend()
            except DeviceFailed as error:
                self._patiently(partial(self._blame, error), _PARTING_S)
                raise
            finally:
                with interruption.shield():
                    self._patiently(self._release, _PARTING_S)
                    self._patiently(lambda: self._tell_rest(total, ending), _PARTING_S)
                    self._observer.ended(str(ending))
        return ending

    def _loop(self, total: int, interruption: Interruption, deadline: float | None) -> Ending:
        while not interruption.requested:
            if deadline is not None and time.monotonic() > deadline:
                return Ending.TIMEOUT
            ending = self._patiently(lambda: self._fill(total, deadline))
            if self._running:
                for evaluation in self._executor.advance(self._patience(deadline)):
                    self._patiently(lambda evaluation=evaluation: self._take(evaluation))
            elif ending is not None:
                return ending
            else:
                time.sleep(min(_POLL_S, self._claims.interval_s))
        return Ending.INTERRUPTED

    def _patience(self, deadline: float | None) -> float:
        """How long to wait for an evaluation: others' trials are looked after, and no deadline is missed."""
        left = math.inf if deadline is None else max(deadline - time.monotonic(), 0.0)
        return min(self._claims.interval_s, left)

    def _suspend(self) -> None:
        """Let the rungs under way end, and take the trials out so that they can go on there later."""
        for evaluation in self._executor.drain():
            self._patiently(lambda evaluation=evaluation: self._take(evaluation))
        for number in self._running:
            self._executor.evict(number)

    def _patiently(self, call: Callable[[], T], timeout_s: float | None = None) -> T:
        return patiently(call, timeout_s, self._observer.message)

    def _reap(self) -> None:
        with self._claims.lock():
            self._claims.reap(self._running)

    def _blame(self, error: DeviceFailed) -> None:
        """Count a death for trials under which a device failed: one that always fails it must not come for ever."""
        failure = Failure(FailureKind.CRASHED, str(error).splitlines()[0])
        with self._claims.lock():
            for trial in self._claims.trials(TrialState.RUNNING):
                if trial.number in error.trials and self._claims.has(trial):
                    self._claims.bury(trial, failure)
        for number in error.trials:
            if self._running.pop(number, None) is not None:
                self._observer.requeued(number)

    def _release(self) -> None:
        """Give back all that this tuner runs, and not only those noted: a signal may have come between."""
        with self._claims.lock():
            for number, running in self._running.items():
                if self._claims.is_mine(number):
                    running.trial.set_user_attr(SECONDS, running.spent)
            released = self._claims.release()
        for number in released:
            if number in self._running:
                self._observer.requeued(number)
        self._running.clear()

    def _tell_rest(self, total: int, ending: Ending) -> None:
        done, best, baseline = self._standing(self._claims.trials())
        self._observer.updated(done, best, baseline)
        left = total - done
        if ending in {Ending.TIMEOUT, Ending.DEVICE_HOURS} and left > 0:
            self._observer.message(f"{left} of {total} trials are left; the same command goes on with another budget")

    def _announce(self, total: int) -> None:
        done, best, baseline = self._standing(self._claims.trials())
        direction = "maximize" if self._maximize else "minimize"
        self._observer.began(total, done, best, baseline, direction, self._max_steps, self._executor.capacity)

    def _standing(self, trials: Iterable[FrozenTrial]) -> tuple[int, tuple[int, float] | None, float | None]:
        """How many of the trials have ended, the best of them, and what the baseline reached."""
        ended = [trial for trial in trials if trial.state in ENDED]
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE]
        chosen = max if self._maximize else min
        best = chosen(complete, key=lambda trial: trial.values[0], default=None)
        baseline = next((trial.values[0] for trial in complete if trial.user_attrs.get(ROLE) == BASELINE), None)
        return len(ended), (best.number, best.values[0]) if best else None, baseline

    def _fill(self, total: int, deadline: float | None) -> Ending | None:
        """Claim trials for the free slots. Returns why there are no more; None while others still run some."""
        while len(self._running) < self._executor.capacity:
            with self._claims.lock():
                trials = self._claims.reap(self._running)
                self._drop_lost(trials)
                ended = [trial for trial in trials if trial.state in ENDED]
                running = [trial for trial in trials if trial.state is TrialState.RUNNING]
                if len(ended) >= total:
                    return Ending.DONE
                over = self._over(trials, deadline)
                if over is not None:
                    return over
                if len(ended) + len(running) >= total:
                    return None
                trial = self._study.ask(self._space.distributions)
                self._claims.own(trial)
            waited = (known for known in trials if known.number == trial.number)
            self._begin(trial, next((known.intermediate_values for known in waited), {}))
        return None

    def _drop_lost(self, trials: Sequence[FrozenTrial]) -> None:
        """Let go of what another tuner took over, as this one seemed dead: it may be this one's to begin anew."""
        for trial in trials:
            if trial.number in self._running and not self._claims.has(trial):
                self._executor.abandon(trial.number)
                del self._running[trial.number]
                self._observer.requeued(trial.number)

    def _begin(self, trial: Trial, known: Mapping[int, float]) -> None:
        """Train a trial; `known` is what it reported before it was interrupted, by step."""
        given = trial.user_attrs.get(CONFIGURATION)
        configuration = Configuration.model_validate(given) if given else self._space.configuration(trial.params)
        trial.set_user_attr(CONFIGURATION, configuration.model_dump())
        values = {} if self._scoring.folds else {step: [value] for step, value in known.items()}
        lost = trial.user_attrs.get(SECONDS, 0.0)
        self._running[trial.number] = _Running(trial, values, max(known, default=0), lost)
        self._observer.started(trial.number, trial.user_attrs.get(ROLE), configuration)
        self._executor.admit(trial.number, configuration)

    def _over(self, trials: Sequence[FrozenTrial], deadline: float | None) -> Ending | None:
        """Which budget has no room for one more trial, by the mean of those that ended; None if all have."""
        if deadline is not None and self._durations and time.monotonic() + fmean(self._durations) > deadline:
            return Ending.TIMEOUT
        if self._budgets.device_hours is None:
            return None
        spent = {trial.number: trial.user_attrs.get(SECONDS, 0.0) for trial in trials}
        spent |= {number: mine.spent for number, mine in self._running.items()}
        ended = [spent[trial.number] for trial in trials if trial.state in ENDED]
        mean = fmean(ended) if ended else 0.0
        still = (max(mean - spent[trial.number], 0.0) for trial in trials if trial.state is TrialState.RUNNING)
        is_over = sum(spent.values()) + sum(still) + mean > self._budgets.device_hours * 3600
        return Ending.DEVICE_HOURS if is_over else None

    def _take(self, evaluation: Evaluation) -> None:
        running = self._running.get(evaluation.trial_id)
        if running is None:
            return  # it left in an earlier attempt of this very evaluation
        if running.evaluation is not evaluation:
            running.evaluation, running.is_news = evaluation, False
            running.seconds += evaluation.seconds
        if not self._claims.is_mine(evaluation.trial_id):
            self._leave(running, {}, running.say)  # thought dead, and given to another tuner; or told already
            return
        values = [] if evaluation.failure else self._scoring.values(evaluation.metrics)
        if (failure := self._failure(running, evaluation, values)) is not None:
            self._fail(running, failure)
            return
        running.metrics[evaluation.step] = dict(evaluation.metrics)
        running.values.setdefault(evaluation.step, values)
        running.is_news |= self._report(running, evaluation.step)
        shown = self._scoring.shown(running.values, evaluation.step)
        self._observer.evaluated(running.trial.number, evaluation.step, shown)
        if evaluation.finished:
            self._complete(running)
            return
        running.trial.set_user_attr(SECONDS, running.spent)  # a kill must not give them back to the budgets
        if len(self._scoring.measures) > 1:
            running.trial.set_user_attr(REACHED, evaluation.step)
        if running.is_news and ROLE not in running.trial.user_attrs and running.trial.should_prune():
            self._prune(running, evaluation.step, shown)

    def _failure(self, running: _Running, evaluation: Evaluation, values: Sequence[float]) -> Failure | None:
        """Why the trial cannot go on: it took too long, failed, or has a value that is no number."""
        limit = self._budgets.trial_timeout
        if limit is not None and running.spent > limit and not evaluation.finished:
            return timed_out(running.spent, limit)
        if evaluation.failure is not None:
            return evaluation.failure
        for name, value in zip(self._scoring.measures, values, strict=True):
            if not math.isfinite(value):
                return Failure(FailureKind.DIVERGED, f"{name} is {value} at step {evaluation.step}")
        return None

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
        others = dict(zip(self._scoring.measures[1:], values[1:], strict=True))
        say = partial(self._observer.completed, running.trial.number, values[0], step, others)
        self._leave(running, {BEST_STEP: step, "metrics": metrics, **folds}, say, values)

    def _prune(self, running: _Running, step: int, value: float) -> None:
        say = partial(self._observer.pruned, running.trial.number, step, value)
        self._leave(running, {}, say, state=TrialState.PRUNED)

    def _fail(self, running: _Running, failure: Failure) -> None:
        known = {"kind": str(failure.kind), "message": without_passwords(failure.message)}
        if failure.trace:
            known["trace"] = without_passwords(failure.trace)
        say = partial(self._observer.failed, running.trial.number, without_passwords(str(failure)))
        self._leave(running, {FAILURE: known}, say, state=TrialState.FAIL)

    def _leave(
        self,
        running: _Running,
        attributes: dict[str, object],
        say: Callable[[], None],
        values: list[float] | None = None,
        state: TrialState | None = None,
    ) -> None:
        """Note what is known, tell, free the slot and say so, if the trial was still this tuner's.

        The state is told last, so that a kill loses nothing; the slot is freed after, so that a lost server may
        be asked again.
        """
        number, running.say = running.trial.number, say
        with self._claims.lock():
            is_mine = self._claims.is_mine(number)
            if is_mine:
                for name, value in {**attributes, SECONDS: running.spent}.items():
                    running.trial.set_user_attr(name, value)
                self._study.tell(running.trial, values, state)
            is_told = is_mine or self._claims.is_told(number)
        if is_told:
            self._let_go(number)
        else:
            self._executor.abandon(number)
        del self._running[number]
        self._durations.append(time.monotonic() - running.begun)
        say() if is_told else self._observer.requeued(number)

    def _let_go(self, number: int) -> None:
        """Free the slot. A checkpoint stays where the trial is one of the best.

        All trials are read for that, so the observer hears what other runs found, before it hears of this one.
        """
        trials = self._study.get_trials(deepcopy=False)
        self._observer.updated(*self._standing(trial for trial in trials if trial.number != number))
        top = self._budgets.checkpoints.top
        kept = worth_keeping(trials, top, maximize=self._maximize)
        if number in kept:
            self._executor.evict(number)
        else:
            self._executor.discard(number)
        self._executor.retain(kept)
