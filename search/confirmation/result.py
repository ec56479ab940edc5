"""What a confirmation says: read from the storage, computed anew each time, the same for terminal, page and export."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from ...objectives.training.seeded import Fresh
from ...spaces.configuration import Configuration
from ..report.ranking import ranked_trials
from ..roles import BASELINE, FAILURE, SECONDS
from ..study import StudyRecord
from ..verdict.ablation import Effect, effects
from ..verdict.comparison import Comparison, gain_over
from ..verdict.confirmation import Confirmation
from ..verdict.estimate import Estimate, estimate
from ..verdict.indifference import Simplicity
from ..verdict.short_runs import ShortRuns, short_runs
from ..verdict.units import Unit, unit_of
from ..verdict.verdict import Verdict, judge
from .arms import Planned, key_of
from .ledger import ABLATION, ARMS, SEEDS, TEST, Ledger, is_to_come, key_of_trial, stored_arms


@dataclass(frozen=True)
class Arm:
    """One configuration on fresh seeds.

    Args:
        name: "baseline", "trial 17", "equal weights", "trial 17 at the default rate".
        configuration: what it trains.
        trial: of the search, that it comes from; None for a variant that the search did not try.
        is_candidate: whether the search proposes it.
        scores: seed -> the first objective on validation data, in the metric's unit.
        failures: seed -> what went wrong.
        seconds: of training, all seeds together.
        search_score: what the search said of its trial.
    """

    name: str
    configuration: Configuration
    trial: int | None = None
    is_candidate: bool = False
    scores: Mapping[int, float] = field(default_factory=dict[int, float])
    failures: Mapping[int, str] = field(default_factory=dict[int, str])
    seconds: float = 0.0
    search_score: float | None = None

    @property
    def simplicity(self) -> Simplicity:
        """By which equals are ordered; a step costs what the trainings took, which are equally long."""
        trained = max(1, len(self.scores))
        return Simplicity(len(self.configuration.ratios), self.configuration.mix.share > 0, self.seconds / trained)


@dataclass(frozen=True)
class Tested:
    """What the test data said: winner and baseline, trained on the same seeds, looked at once.

    `winner` is who won then: with more seeds it may be another one now. `gain` is its gain over the baseline; None for
    the baseline itself, and where one of them failed.
    """

    winner: str
    scores: Mapping[str, Mapping[int, float]]
    estimates: Mapping[str, Estimate]
    gain: Comparison | None


@dataclass(frozen=True)
class Confirmed:
    """All that fresh trainings say.

    Args:
        seeds: the fresh seeds, the same for all arms.
        missing: trainings that are planned and not done.
        arms: the baseline, the candidates as the search ranked them, equal weights, the default rate.
        verdict: None while no training succeeded.
        unit: how differences are written.
        effects: what each part of the winner brings; empty where nothing was ablated, or another one won.
        tested: None where there is no test data, or it was not looked at yet.
        short_runs: what pruning did, or would have done, at each rung of the search's trials.
        same_rows: every seed was measured on the same rows, so the figures are of these rows only.
        seconds: of all fresh trainings.
    """

    maximize: bool
    seeds: tuple[int, ...]
    missing: int
    arms: tuple[Arm, ...]
    verdict: Verdict | None
    unit: Unit
    effects: tuple[Effect, ...]
    tested: Tested | None
    short_runs: ShortRuns | None
    same_rows: bool
    seconds: float

    def arm(self, name: str) -> Arm:
        """The arm of that name. KeyError if there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def baseline(self) -> Arm:
        return self.arm(BASELINE)

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of those that the search proposes."""
        return tuple(arm.name for arm in self.arms if arm.is_candidate)

    @property
    def winner(self) -> Arm | None:
        """The best by fresh scores; None while no training succeeded."""
        return None if self.verdict is None else self.arm(self.verdict.winner.name)


def read_confirmation(record: StudyRecord) -> Confirmed | None:
    """What the fresh trainings of a study say so far; None if it was never confirmed."""
    ledger = Ledger.of(record)
    if ledger is None or ARMS not in ledger.facts:
        return None
    return _Reading(record, ledger).confirmed()


class _Reading:
    """The steps from trainings to a verdict."""

    def __init__(self, record: StudyRecord, ledger: Ledger) -> None:
        self._record = record
        self._facts: dict[str, Any] = dict(ledger.facts)
        self._trials = ledger.trials()
        self._by_key = {key_of_trial(trial): trial for trial in self._trials}
        self._seeds: list[int] = self._facts[SEEDS]
        self._maximize = record.file.directions[0] == "maximize"

    def confirmed(self) -> Confirmed:
        planned = stored_arms(self._facts[ARMS])
        ranked = {trial.number: trial.value for trial in ranked_trials(self._record.study)}
        arms = tuple(self._arm(each, ranked) for each in planned)
        confirmation = self._confirmation(arms)
        verdict = judge(
            confirmation,
            BASELINE,
            {arm.name: arm.simplicity for arm in arms},
            {arm.name: arm.search_score for arm in arms if arm.is_candidate and arm.search_score is not None},
            [arm.name for arm in arms if arm.is_candidate],
        )
        return Confirmed(
            maximize=self._maximize,
            seeds=tuple(self._seeds),
            missing=sum(map(is_to_come, self._trials)),
            arms=arms,
            verdict=verdict,
            unit=unit_of(confirmation),
            effects=tuple(self._effects(arms, verdict)) if verdict else (),
            tested=self._tested(arms),
            short_runs=self._short_runs(arms, verdict),
            same_rows=isinstance(self._record.file.data.validation, str),
            seconds=sum(trial.user_attrs.get(SECONDS, 0.0) for trial in self._trials),
        )

    def _arm(self, planned: Planned, ranked: Mapping[int, float]) -> Arm:
        found = self._found(planned)
        return Arm(
            planned.name,
            planned.configuration,
            planned.trial,
            planned.is_candidate,
            scores={seed: t.values[0] for seed, t in found.items() if t.state is TrialState.COMPLETE},
            failures={seed: _reason(t) for seed, t in found.items() if t.state is TrialState.FAIL},
            seconds=sum(t.user_attrs.get(SECONDS, 0.0) for t in found.values() if t.state is TrialState.COMPLETE),
            search_score=None if planned.trial is None else ranked.get(planned.trial),
        )

    def _found(self, planned: Planned, *, tested: bool = False) -> dict[int, FrozenTrial]:
        """The configuration's trainings, by seed."""
        keys = {seed: (key_of(planned.configuration), Fresh(seed, tested)) for seed in self._seeds}
        return {seed: self._by_key[key] for seed, key in keys.items() if key in self._by_key}

    def _scores(self, planned: Planned, *, tested: bool = False) -> dict[int, float]:
        found = self._found(planned, tested=tested)
        return {seed: trial.values[0] for seed, trial in found.items() if trial.state is TrialState.COMPLETE}

    def _confirmation(self, arms: Iterable[Arm]) -> Confirmation:
        return Confirmation({arm.name: arm.scores for arm in arms}, self._maximize)

    def _effects(self, arms: Sequence[Arm], verdict: Verdict) -> list[Effect]:
        """Of the winner as it is now: an ablation of an earlier one says nothing of it."""
        ablation = self._facts.get(ABLATION)
        winner = verdict.winner.name
        if ablation is None or ablation["winner"] != winner:
            return []
        parts = {part.name: self._scores(part) for part in stored_arms(ablation["parts"])}
        own = next(arm.scores for arm in arms if arm.name == winner)
        # The winner's own name is no part's, as a part is never empty.
        confirmation = Confirmation({"": own, **parts}, self._maximize)
        return effects(confirmation, "", {part: part for part in parts})

    def _tested(self, arms: Iterable[Arm]) -> Tested | None:
        facts = self._facts.get(TEST)
        if facts is None:
            return None
        names = {facts["winner"], BASELINE}
        planned = {arm.name: Planned(arm.name, arm.configuration) for arm in arms if arm.name in names}
        scores = {name: self._scores(each, tested=True) for name, each in planned.items()}
        scores = {name: its for name, its in scores.items() if its}
        if not scores:
            return None
        confirmation = Confirmation(scores, self._maximize)
        both = len(scores) == 2
        return Tested(
            facts["winner"],
            scores,
            {name: estimate(confirmation.fresh(name)) for name in scores},
            gain_over(confirmation, facts["winner"], BASELINE) if both else None,
        )

    def _short_runs(self, arms: Iterable[Arm], verdict: Verdict | None) -> ShortRuns | None:
        """What a rung would have done to the winner among the search's trials. Folds are no rungs."""
        winner = next((arm for arm in arms if verdict and arm.name == verdict.winner.name), None)
        if winner is None or winner.trial is None or self._record.file.data.folds is not None:
            return None
        trials = self._record.study.get_trials(deepcopy=False)
        rungs: dict[int, dict[int, float]] = {}
        for trial in trials:
            for step, value in trial.intermediate_values.items():
                rungs.setdefault(step, {})[trial.number] = value
        full = {t.number: t.values[0] for t in trials if t.state is TrialState.COMPLETE}
        last = max(rungs, default=0)
        short = {step: scores for step, scores in rungs.items() if step < last}
        return short_runs(short, full, winner.trial, maximize=self._maximize) if short else None


def _reason(trial: FrozenTrial) -> str:
    failure = trial.user_attrs.get(FAILURE, {"kind": "lost", "message": "its process died"})
    return f"{failure['kind']}: {failure['message']}"
