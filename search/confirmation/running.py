"""A confirmation from its plan to its last training; existing trainings are not repeated."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from optuna.trial import FrozenTrial

from ...objectives.training.fresh import Fresh
from ...spaces.errors import TrainingError
from ..bank_progress import Quarters
from ..checkpoints import checkpoint_store
from ..executors.choosing import Workload, make_executor
from ..executors.placement import Placement
from ..executors.places import first_device
from ..interruption import Interruption, interruption
from ..limits import LARGEST_SEED
from ..observer import Observer
from ..preparing import longest_trial
from ..ranking import ranked_trials
from ..roles import BASELINE
from ..running import storage_failures
from ..scoring import Scoring
from ..settings import CheckpointSettings, ConfirmSettings
from ..storage import patiently, timeouts
from ..study import StudyRecord, while_stored
from ..threads import agreed, keep_threads, threads_of
from ..tuner import Budget, Ending, Tuner
from ..unchanged import check_unchanged
from .arms import Planned, compared, each_once, key_of, without_parts
from .fresh import FreshRecipe, prepare_fresh
from .ledger import (
    ABLATION,
    ARMS,
    LOOKS,
    SEEDS,
    TEST,
    Decision,
    FreshTraining,
    Ledger,
    arms_to_store,
    fresh_of,
    is_to_come,
    stored_arms,
)
from .looks import with_look
from .reading import read_confirmation
from .result import Arm, Confirmed
from .words import fresh_seeds


def confirm_study(
    record: StudyRecord,
    observer: Observer,
    settings: ConfirmSettings,
    *,
    placement: Placement,
    timeout_s: float | None,
) -> Ending:
    """Train the candidates and what they are compared with on fresh seeds, then the winner without its parts.

    Last, winner and baseline meet the test data, once in the life of the study. An interrupted confirmation goes on
    where it stopped; with more candidates or seeds only the new ones are trained.

    Args:
        record: the stored study, with the path of its study file as it is now.
        observer: is told what happens.
        settings: how many candidates and seeds, and whether to ablate.
        placement: where to train.
        timeout_s: the longest time of this call.

    Raises:
        StudyError: its files changed, or it has nothing to confirm.
        TrainingError: not one training succeeded.
        InputError: there is no such device.
    """
    with interruption(observer.message) as interrupted, while_stored(record, timeouts.RECONNECT_S):
        record = check_unchanged(record)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        work = _Work(record, observer, placement, interrupted, deadline)
        ending = work.compare(settings)
        return work.look_closer(settings) if ending is Ending.DONE else ending


class _Work:
    """One call's share of a confirmation."""

    def __init__(
        self,
        record: StudyRecord,
        observer: Observer,
        placement: Placement,
        interrupted: Interruption,
        deadline: float | None,
    ) -> None:
        self._record = record
        self._base = record.folder.absolute()
        self._observer = observer
        self._placement = placement
        self._interrupted = interrupted
        self._deadline = deadline
        self._space = record.file.search_space()

    def compare(self, settings: ConfirmSettings) -> Ending:
        """Train all arms on all seeds."""
        ranked = patiently(lambda: ranked_trials(self._record.study))
        chosen = compared(ranked, self._space, settings.candidates, self._record.name)
        ledger = patiently(lambda: Ledger.made(self._record))

        def decide(facts: Mapping[str, Any]) -> Decision:
            arms = _in_order(_newest(stored_arms(facts.get(ARMS, [])), chosen))
            seeds = self._seeds(max(settings.seeds, len(facts.get(SEEDS, []))))
            looks = with_look(facts.get(LOOKS, {}), read_confirmation(self._record), len(arms), len(seeds))
            # Looks are stored before seeds: a kill between them may not forget one.
            return _trainings(arms, seeds), {LOOKS: looks, ARMS: arms_to_store(arms), SEEDS: seeds}

        ledger.plan(decide)
        names, seeds = ", ".join(arm["name"] for arm in ledger.facts[ARMS]), ledger.facts[SEEDS]
        self._observer.message(f"confirming on {fresh_seeds(len(seeds))}, the same for all: {names}")
        if len(seeds) > settings.seeds:
            self._observer.message(
                f"keeping the {len(seeds)} seeds of an earlier run ({settings.seeds} were requested)"
            )
        if len(self._record.file.objectives) > 1:
            self._observer.message(f"winner and verdict use the first objective, {self._record.file.objectives[0]}")
        return self._train(ledger)

    def look_closer(self, settings: ConfirmSettings) -> Ending:
        """Ablate the winner, and have it meet the test data beside the baseline."""
        found, ledger = patiently(lambda: (read_confirmation(self._record), Ledger.made(self._record)))
        if found is None or found.verdict is None:
            reasons = {reason for arm in found.arms for reason in arm.failures.values()} if found else ()
            raise TrainingError(f"no fresh training succeeded: {'; '.join(sorted(reasons))}")
        winner = found.arm(found.verdict.winner.name)

        def decide(known: Mapping[str, Any]) -> Decision:
            parts, ablated = self._ablated(winner, found.seeds) if settings.ablate else ([], {})
            last, tested = self._tested(known.get(TEST), winner, found)
            return [*parts, *last], {**ablated, **tested}

        if queued := ledger.plan(decide):
            self._observer.message(_closer(queued, winner.name))
        return self._train(ledger)

    def _ablated(self, winner: Arm, seeds: Sequence[int]) -> Decision:
        """The winner without each of its parts; the baseline has none."""
        if winner.configuration == self._space.baseline():
            return [], {}
        variants = without_parts(winner.configuration, self._space)
        parts = [Planned(f"without {part}", variant) for part, variant in variants.items()]
        known = {"winner": winner.name, "parts": arms_to_store(map(Planned, variants, variants.values()))}
        return _trainings(parts, seeds), {ABLATION: known}

    def _tested(self, known: Mapping[str, Any] | None, winner: Arm, found: Confirmed) -> Decision:
        """Winner and baseline on the test data, where there are any; who has met them, and on which seeds, stays."""
        if self._record.file.data.test is None:
            return [], {}
        met = known or {"winner": winner.name, "seeds": list(found.seeds)}
        arms = {arm.name: arm for arm in (found.baseline, found.arm(met["winner"]))}
        return _trainings([*arms.values()], met["seeds"], tested=True), {TEST: met}

    def _seeds(self, count: int) -> list[int]:
        """The study's own seed chose the candidates, so it has no part in judging them."""
        return [(self._record.file.search.seed + place) % (LARGEST_SEED + 1) for place in range(1, count + 1)]

    def _train(self, ledger: Ledger) -> Ending:
        """Train all that is planned and not done, what other hosts plan meanwhile included."""
        ending = Ending.DONE
        while ending is Ending.DONE and any(map(is_to_come, trials := patiently(ledger.trials))):
            ending = self._train_these(ledger, trials)
        return ending

    def _train_these(self, ledger: Ledger, trials: Sequence[FrozenTrial]) -> Ending:
        """Train those that are to come, in parallel where that is faster."""
        left = [trial for trial in trials if is_to_come(trial)]
        file, observer = self._record.file, self._observer
        progress, device = Quarters(observer.message), first_device(self._placement.devices)
        with self._interrupted.at_once():
            prepared = prepare_fresh(file, self._base, fresh_of(left[0]).seed, progress, device)
        recipe = FreshRecipe(
            file,
            self._base,
            checkpoint_store(self._record, ledger.study.study_name, ledger.token),
            self._placement.slots or 1,
            fresh={trial.number: fresh_of(trial) for trial in trials},
        )
        limits = file.search.model_copy(update={"device_hours": None, "checkpoints": CheckpointSettings(top=0)})
        scoring = Scoring(file.measures[:1], folds=file.data.folds is not None)
        space = replace(self._space, over=frozenset())  # nothing is searched: every trial brings its configuration
        max_steps = longest_trial(file, prepared)
        work = Workload(len(left), len(trials), patiently(lambda: threads_of(ledger.study)))
        with (
            storage_failures(self._record.url),
            agreed(
                lambda work: make_executor(self._placement, recipe, prepared, work, observer.message),
                work,
                partial(keep_threads, ledger.study, self._record.url),
            ) as executor,
        ):
            left_s = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)
            budget = Budget(left_s, limits)
            tuner = Tuner(ledger.claims, space, executor, observer, scoring, max_steps, budget)
            return tuner.run(len(trials), self._interrupted)


def _newest(stored: Iterable[Planned], arms: Sequence[Planned]) -> list[Planned]:
    """All arms once; a candidate of now was perhaps none earlier, and keeps its earlier name."""
    now = {key_of(arm.configuration): arm for arm in arms if arm.is_candidate}
    known = [
        arm if (newer := now.get(key_of(arm.configuration))) is None else replace(newer, name=arm.name)
        for arm in stored
    ]
    return each_once([*known, *arms])


def _in_order(arms: Iterable[Planned]) -> list[Planned]:
    """The baseline, the candidates, the variants: as the first confirmation would have them."""
    return sorted(arms, key=lambda arm: (arm.name != BASELINE, not arm.is_candidate))


def _trainings(arms: Sequence[Planned], seeds: Iterable[int], *, tested: bool = False) -> list[FreshTraining]:
    """Seed by seed, so that a seed's data is prepared once and let go."""
    return [FreshTraining(arm.name, arm.configuration, Fresh(seed, tested)) for seed in seeds for arm in arms]


def _closer(queued: Sequence[FreshTraining], winner: str) -> str:
    tested = [training.fresh.tested for training in queued]
    doing = [] if all(tested) else [f"training {winner} without each of its parts"]
    doing += ["evaluating on the test data, once"] if any(tested) else []
    return "; ".join(doing)
