"""From the stored fresh trainings to their results; recomputed each time, so that nothing can be stale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from ...objectives.tasks.kinds import LEAST
from ...objectives.training.fresh import Fresh
from ..ranking import ranked_trials
from ..roles import BASELINE, SECONDS, failure_told
from ..study import StudyRecord
from ..verdict.ablation import Effect, effects
from ..verdict.comparison import gain_over
from ..verdict.estimate import estimate
from ..verdict.scores import Scores
from ..verdict.units import unit_of
from ..verdict.verdict import Verdict, judge
from .arms import Planned, key_of
from .ledger import ABLATION, ARMS, LOOKS, SEEDS, TEST, Ledger, is_to_come, key_of_trial, stored_arms
from .result import Arm, Confirmed, Tested
from .short import Runs


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
        self._maximize = record.file.maximize

    def confirmed(self) -> Confirmed:
        ranked = {trial.number: trial.value for trial in ranked_trials(self._record.study)}
        planned = _as_ranked(stored_arms(self._facts[ARMS]), list(ranked))
        arms = with_costs([self._arm(each, ranked) for each in planned])
        looks, table = self._looks(arms), self._table(arms)
        verdict = judge(
            table,
            BASELINE,
            {arm.name: arm.simplicity for arm in arms},
            {arm.name: arm.search_score for arm in arms if arm.is_candidate and arm.search_score is not None},
            [arm.name for arm in arms if arm.is_candidate],
            len(looks) + 1,
        )
        winner = None if verdict is None else next(arm for arm in arms if arm.name == verdict.winner.name)
        runs = Runs(self._record, self._trials, self._seeds)
        return Confirmed(
            seeds=tuple(self._seeds),
            missing=sum(map(is_to_come, self._trials)),
            arms=arms,
            verdict=verdict,
            unit=unit_of(table),
            effects=tuple(self._effects(arms, verdict, len(looks) + 1)) if verdict else (),
            tested=self._tested(arms),
            short_runs=runs.of_search(winner.trial) if winner and winner.trial is not None else None,
            fresh_runs=runs.of_confirmation(winner.configuration) if winner else None,
            same_rows=not isinstance(self._record.file.data.validation, float),
            seconds=sum(trial.user_attrs.get(SECONDS, 0.0) for trial in self._trials),
            looks=looks,
        )

    def _looks(self, arms: Sequence[Arm]) -> dict[int, str | None]:
        """The earlier looks, by the seeds seen. Seeds that were added and have no scores yet make no other look."""
        known = {int(seen): name for seen, name in self._facts.get(LOOKS, {}).items()}
        baseline = next(arm.scores for arm in arms if arm.name == BASELINE)
        compared = max((len(arm.scores.keys() & baseline.keys()) for arm in arms if arm.name != BASELINE), default=0)
        return {seen: name for seen, name in known.items() if seen < compared}

    def _arm(self, planned: Planned, ranked: Mapping[int, float]) -> Arm:
        found = self._found(planned)
        return Arm(
            planned.name,
            planned.configuration,
            planned.trial,
            planned.is_candidate,
            scores=self._scores(planned),
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

    def _table(self, arms: Iterable[Arm]) -> Scores:
        return self._scored({arm.name: arm.scores for arm in arms})

    def _scored(self, scores: Mapping[str, Mapping[int, float]]) -> Scores:
        metric = self._record.file.measures[0].rpartition(".")[2]
        return Scores(scores, self._maximize, LEAST.get(metric, 0.0))

    def _effects(self, arms: Sequence[Arm], verdict: Verdict, look: int) -> list[Effect]:
        """Of the winner as it is now: an ablation of an earlier one says nothing of it."""
        ablation = self._facts.get(ABLATION)
        winner = verdict.winner.name
        if ablation is None or ablation["winner"] != winner:
            return []
        parts = {part.name: self._scores(part) for part in stored_arms(ablation["parts"])}
        own = next(arm.scores for arm in arms if arm.name == winner)
        # The winner's own name is no part's, as a part is never empty.
        table = self._scored({"": own, **parts})
        return effects(table, "", look)

    def _tested(self, arms: Iterable[Arm]) -> Tested | None:
        facts = self._facts.get(TEST)
        if facts is None:
            return None
        names = {facts["winner"], BASELINE}
        found = {arm.name: self._scores(arm, tested=True) for arm in arms if arm.name in names}
        scores = {name: its for name, its in found.items() if its}
        if not scores:
            return None
        table = self._scored(scores)
        both = len(scores) == 2
        return Tested(
            facts["winner"],
            scores,
            {name: estimate(table.fresh(name)).within(*table.range) for name in scores},
            gain_over(table, facts["winner"], BASELINE) if both else None,
        )


def _as_ranked(planned: Iterable[Planned], ranked: Sequence[int]) -> list[Planned]:
    """The baseline, the candidates from the best on, the variants: the search may have found more since they were."""
    places = {number: place for place, number in enumerate(ranked)}

    def place(arm: Planned) -> tuple[bool, bool, int]:
        own = places.get(arm.trial, len(places)) if arm.is_candidate and arm.trial is not None else 0
        return arm.name != BASELINE, not arm.is_candidate, own

    return sorted(planned, key=place)


def with_costs(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms, each with the mean cost of those that have its form."""
    each: dict[str, list[float]] = {}
    for arm in arms:
        if arm.scores:
            each.setdefault(arm.form, []).append(arm.seconds_each)
    return tuple(replace(arm, cost=fmean(each.get(arm.form, [0.0]))) for arm in arms)


def _reason(trial: FrozenTrial) -> str:
    failure = failure_told(trial.user_attrs)
    return f"{failure['kind']}: {failure['message']}"
