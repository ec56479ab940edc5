"""The tuner: one loop that fills free slots by asking, advances, reports, prunes by evicting, and tells.

Only tuners, here and on other hosts, write to the study, never a worker. A trial is stored before it is trained and
told to Optuna after; if the process is killed in between, a RUNNING trial remains, which the next run or another
tuner requeues (search/claims.py), so that every number is trained to an end exactly once.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from ...objectives.training.failure import Failure, FailureKind
from ...objectives.training.trainer import Evaluation
from ...spaces.configuration import Configuration
from ...spaces.errors import DeviceFailed, first_line
from ...spaces.space import SearchSpace
from ..checkpoints import worth_keeping
from ..claims import Claims
from ..executors.executor import Executor
from ..interruption import Interruption
from ..observer import Observer, Standing
from ..passwords import without_passwords
from ..ranking import is_ours
from ..roles import BASELINE, CONFIGURATION, ENDED_ELSEWHERE, FAILURE, REACHED, ROLE, SECONDS
from ..scoring import Scoring
from ..storage import patiently
from .budget import Budget, Ending
from .trial import RunningTrial

T = TypeVar("T")
_POLL_S = 1.0
"""How often to look for the end of trials that other tuners run."""
_PARTING_S = 10.0
"""How long a run that leaves waits for its storage: the next one takes back what this one cannot give back."""


class Tuner:
    """Runs trials of one study until `total` have ended.

    Args:
        claims: an Optuna study with its sampler and pruner, and its storage, shared with other tuners.
        space: translates Optuna's parameters.
        executor: trains.
        scoring: what evaluations are worth.
        max_steps: the full length of a trial, for the view.
        budget: of this run.
    """

    def __init__(
        self,
        claims: Claims,
        space: SearchSpace,
        executor: Executor,
        observer: Observer,
        scoring: Scoring,
        max_steps: int,
        budget: Budget,
    ) -> None:
        self._study = claims.study
        self._claims = claims
        self._space = space
        self._executor = executor
        self._observer = observer
        self._scoring = scoring
        self._max_steps = max_steps
        self._budget = budget
        self._running: dict[int, RunningTrial] = {}
        self._maximize = claims.study.directions[0] == optuna.study.StudyDirection.MAXIMIZE

    def run(self, total: int, interruption: Interruption) -> Ending:
        """Go on until `total` trials have ended, the budget is over or an interruption is requested.

        Trials that are still running then go back into the queue: the next run starts with them. Where other
        tuners run the last trials, this one waits for them, as it takes over if they die.

        Args:
            total: trials of the study, earlier runs' and other tuners' included.
            interruption: says when to stop.
        """
        ending = Ending.INTERRUPTED
        with self._claims.beating():
            self._patiently(self._reap)
            self._patiently(lambda: self._announce(total))
            try:
                ending = self._loop(total, interruption)
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

    def _loop(self, total: int, interruption: Interruption) -> Ending:
        while not interruption.requested:
            if self._budget.left_s < 0:
                return Ending.TIMEOUT if self._running or self._left(total) > 0 else Ending.DONE
            ending = self._patiently(lambda: self._fill(total))
            if self._running:
                # Others' trials are looked after, and no deadline is missed.
                for evaluation in self._executor.advance(min(self._claims.interval_s, max(self._budget.left_s, 0.0))):
                    self._patiently(lambda evaluation=evaluation: self._take(evaluation))
            elif ending is not None:
                return ending
            else:
                time.sleep(min(_POLL_S, self._claims.interval_s))
        return Ending.INTERRUPTED

    def _left(self, total: int) -> int:
        """How many trials have not ended; fewer than none where the total was lowered."""
        return self._patiently(lambda: total - sum(trial.state.is_finished() for trial in self._claims.trials()))

    def _suspend(self) -> None:
        """Let the rungs under way end, and take the trials out so that they can go on there later."""
        for evaluation in self._executor.drain():
            self._patiently(lambda evaluation=evaluation: self._take(evaluation))
        for number in self._running:
            self._executor.evict(number)

    def _patiently(self, call: Callable[[], T], timeout_s: float | None = None) -> T:
        return patiently(call, timeout_s, self._wait)

    def _wait(self, text: str) -> None:
        """The storage is away, or back: for others it was away, too."""
        self._claims.heartbeat.distrust()
        self._observer.message(text)

    def _reap(self) -> None:
        with self._claims.lock():
            self._claims.reap(self._running)

    def _blame(self, error: DeviceFailed) -> None:
        """Count a death for trials under which a device failed: one that always fails it must not come for ever."""
        failure = Failure(FailureKind.CRASHED, first_line(error))
        waits: dict[int, bool] = {}
        with self._claims.lock():
            for trial in self._claims.trials(TrialState.RUNNING):
                if trial.number in error.trials and self._claims.is_owned(trial):
                    waits[trial.number] = self._claims.record_death(trial, failure)
        for number, is_waiting in waits.items():
            if self._running.pop(number, None) is None:
                continue
            if is_waiting:
                self._observer.requeued(number)
            else:
                self._observer.failed(number, str(failure))

    def _release(self) -> None:
        """Give back all that this tuner runs, and not only those noted: a signal may have come between."""
        with self._claims.lock():
            for number, running in self._running.items():
                if self._claims.is_mine(number):
                    running.trial.set_user_attr(SECONDS, running.spent)
            self._claims.release()
            trials = self._claims.trials()
        for trial in trials:
            if trial.number in self._running:
                self._say_lost(trial, trials)

    def _tell_rest(self, total: int, ending: Ending) -> None:
        standing = self._standing(self._claims.trials())
        self._observer.updated(standing)
        left = total - standing.done
        if ending in {Ending.TIMEOUT, Ending.DEVICE_HOURS} and left > 0:
            self._observer.message(f"{left} of {total} trials are left; the same command resumes with another budget")

    def _announce(self, total: int) -> None:
        standing = self._standing(self._claims.trials())
        direction = "maximize" if self._maximize else "minimize"
        self._observer.began(total, standing, direction, self._max_steps, self._executor.capacity)

    def _standing(self, trials: Iterable[FrozenTrial]) -> Standing:
        ended = [trial for trial in trials if trial.state.is_finished()]
        complete = [trial for trial in ended if trial.state is TrialState.COMPLETE and is_ours(trial)]
        chosen = max if self._maximize else min
        best = chosen(complete, key=lambda trial: trial.values[0], default=None)
        baseline = next((trial.values[0] for trial in complete if trial.user_attrs.get(ROLE) == BASELINE), None)
        return Standing(len(ended), (best.number, best.values[0]) if best else None, baseline)

    def _fill(self, total: int) -> Ending | None:
        """Claim trials for the free slots. Returns why there are no more; None while others still run some."""
        while len(self._running) < self._executor.capacity:
            with self._claims.lock():
                trials = self._claims.reap(self._running)
                self._drop_lost(trials)
                ended = [trial for trial in trials if trial.state.is_finished()]
                running = [trial for trial in trials if trial.state is TrialState.RUNNING]
                if len(ended) >= total:
                    return Ending.DONE
                if len(ended) + len(running) >= total:
                    return None
                spent = {number: mine.spent for number, mine in self._running.items()}
                if (over := self._budget.over(trials, spent)) is not None:
                    return over
                trial = self._study.ask(self._space.distributions)
                with suppress(UpdateFinishedTrialError):  # another program ended it since; so below
                    self._claims.mark_owner(trial)
            waited = (known for known in trials if known.number == trial.number)
            with suppress(UpdateFinishedTrialError):
                self._begin(trial, next((known.intermediate_values for known in waited), {}))
        return None

    def _drop_lost(self, trials: Sequence[FrozenTrial]) -> None:
        """Let go of what another tuner took over, as this one seemed dead, or another program ended.

        The first may be this one's to begin anew.
        """
        for trial in trials:
            if trial.number in self._running and not self._claims.is_owned(trial):
                self._executor.abandon(trial.number)
                self._say_lost(trial, trials)

    def _say_lost(self, trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> None:
        """Say how a trial that has no slot any more goes on."""
        del self._running[trial.number]
        if trial.state.is_finished():
            self._observer.updated(self._standing(each for each in trials if each.number != trial.number))
            self._observer.failed(trial.number, ENDED_ELSEWHERE)
        else:
            self._observer.requeued(trial.number)

    def _begin(self, trial: Trial, known: Mapping[int, float]) -> None:
        """Train a trial; `known` is what it reported before it was interrupted, by step."""
        given = trial.user_attrs.get(CONFIGURATION)
        configuration = Configuration.model_validate(given) if given else self._space.configuration(trial.params)
        trial.set_user_attr(CONFIGURATION, configuration.model_dump())
        self._running[trial.number] = running = RunningTrial.begun(trial, self._scoring, known)
        self._budget.began(trial.number)
        self._observer.started(trial.number, trial.user_attrs.get(ROLE), configuration)
        self._executor.admit(trial.number, configuration)
        self._executor.charge(trial.number, running.lost)

    def _take(self, evaluation: Evaluation) -> None:
        running = self._running.get(evaluation.trial_id)
        if running is None:
            return  # it left in an earlier attempt of this very evaluation
        running.hear(evaluation)
        try:
            if self._claims.is_mine(running.number):
                self._record(running, evaluation)
                return
        except (UpdateFinishedTrialError, ValueError):  # Optuna's, of a trial that another program ended right now
            if self._claims.is_mine(running.number):
                raise
            running.say = None
        self._leave(running, {})  # thought dead, and given to another tuner; or told already

    def _record(self, running: RunningTrial, evaluation: Evaluation) -> None:
        if (failure := running.failure(evaluation, self._budget.settings.trial_timeout)) is not None:
            self._fail(running, failure)
            return
        running.note(evaluation)
        shown = running.shown(evaluation.step)
        self._observer.evaluated(running.number, evaluation.step, shown)
        if evaluation.finished:
            self._complete(running)
            return
        running.trial.set_user_attr(SECONDS, running.spent)  # a kill must not give them back to the budgets
        if len(self._scoring.measures) > 1:
            running.trial.set_user_attr(REACHED, evaluation.step)
        if running.is_news and ROLE not in running.trial.user_attrs and running.trial.should_prune():
            running.say = partial(self._observer.pruned, running.number, evaluation.step, shown)
            self._leave(running, {}, state=TrialState.PRUNED)

    def _complete(self, running: RunningTrial) -> None:
        step, values, attributes = running.outcome(maximize=self._maximize)
        others = dict(zip(self._scoring.measures[1:], values[1:], strict=True))
        running.say = partial(self._observer.completed, running.number, values[0], step, others)
        self._leave(running, attributes, values)

    def _fail(self, running: RunningTrial, failure: Failure) -> None:
        known = {"kind": str(failure.kind), "message": without_passwords(failure.message)}
        if failure.trace:
            known["trace"] = without_passwords(failure.trace)
        running.say = partial(self._observer.failed, running.number, without_passwords(str(failure)))
        self._leave(running, {FAILURE: known}, state=TrialState.FAIL)

    def _leave(
        self,
        running: RunningTrial,
        attributes: dict[str, object],
        values: list[float] | None = None,
        state: TrialState | None = None,
    ) -> None:
        """Note what is known, tell, free the slot and say so, if the trial was still this tuner's.

        The state is told last, so that a kill loses nothing; the slot is freed after, so that a lost server may
        be asked again.
        """
        number = running.number
        with self._claims.lock():
            is_mine = self._claims.is_mine(number)
            if is_mine:
                for name, value in {**attributes, SECONDS: running.spent}.items():
                    running.trial.set_user_attr(name, value)
                self._study.tell(running.trial, values, state)
            is_told = is_mine or self._claims.is_told(number)
        if is_told:
            self._let_go(number)
            say = running.say or partial(self._observer.failed, number, ENDED_ELSEWHERE)
        else:
            self._executor.abandon(number)
            say = partial(self._observer.requeued, number)
        del self._running[number]
        self._budget.ended(number)
        say()

    def _let_go(self, number: int) -> None:
        """Free the slot. A checkpoint stays where the trial is one of the best.

        All trials are read for that, so the observer hears what other runs found, before it hears of this one.
        Other checkpoints go right after: evicting takes long, and what is claimed meanwhile is not among these trials.
        """
        trials = self._study.get_trials(deepcopy=False)
        top = self._budget.settings.checkpoints.top
        kept = worth_keeping(trials, top, maximize=self._maximize)
        self._executor.retain(kept)
        self._observer.updated(self._standing(trial for trial in trials if trial.number != number))
        if number in kept:
            self._executor.evict(number)
        else:
            self._executor.discard(number)
