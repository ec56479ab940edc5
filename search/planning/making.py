"""Making a plan: a few steps are trained and extrapolated, nothing is stored."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from optuna.trial import FrozenTrial

from ...objectives.caching import cache_folder
from ...objectives.prepared import PreparedObjective
from ...objectives.training.checkpoints import CheckpointStore
from ...objectives.training.fresh import Fresh
from ...spaces.errors import InputError
from ...spaces.training import COSTS_NOTHING
from ..confirmation.fresh import FreshRecipe
from ..creation import given_configurations, total_of
from ..executors.choosing import Workload, choose
from ..executors.placement import Placement
from ..executors.places import find_places
from ..executors.worker import Note, Recipe
from ..pruners import never_pruned, pruner_of
from ..roles import BASELINE
from ..settings import ConfirmSettings
from ..study_file.schema import StudyFile
from .confirming import most_arms, most_variants
from .costs import Cost, measure, share_of_a_step
from .ends import ends
from .pace import Pace, Spent, lengths_of
from .plan import Checkpoints, Confirming, Plan

_TOLD_ELSEWHERE = frozenset({"epochs", "early_stopping"})
"""Settings whose cost is measured, or told in a line of its own."""


def make_plan(
    file: StudyFile,
    base: Path,
    prepared: PreparedObjective,
    placement: Placement,
    *,
    total: int | None = None,
    trials: Sequence[FrozenTrial] | None = None,
    threads: int | None = None,
) -> Plan:
    """Estimate what a study will take.

    Args:
        file: the study file, without operations that were dropped.
        base: the folder of its data.
        prepared: its data.
        placement: where `run` would be told to train.
        total: the total of trials; None: the study file's.
        trials: those of the stored study; None: it is not stored.
        threads: those that its earlier trials trained with on a CPU; None: there are none.

    Raises:
        InputError: there is no such device.
        Diverged: a loss is not finite.
        TrainingError: not even a step can be trained.
    """
    device = _device(placement)
    costs = {role: measure(prepared, each, device) for role, each in given_configurations(file).items()}
    probed = _Probed(file, base, prepared, placement, device, costs)
    ended = sum(trial.state.is_finished() for trial in trials or ())
    total = max(total or total_of(file), ended)
    left, said = total - ended, list[str]()
    pace = probed.pace(probed.recipe, Workload(left, max(total, total_of(file)), threads), said.append)
    unpruned, pruned = _search(file, pace, total, left)
    return Plan(
        study=file.name,
        is_stored=trials is not None,
        total=total,
        left=left,
        pace=pace,
        said=said,
        pruner=pruner_of(file),
        unpruned=unpruned,
        search=pruned,
        confirming=_confirming(probed, total),
        checkpoints=_checkpoints(probed, max(pace.choice.at_once(left), 1)),
        ends=list(ends(file.search, left, pace.dearest, unpruned.most, trials or ())),
        notes=list(_notes(file)),
    )


def _device(placement: Placement) -> torch.device:
    place = find_places(placement.devices)[0]
    if not place.is_here:
        raise InputError("a plan can measure a MIG slice only if CUDA_VISIBLE_DEVICES names no other")
    return place.device


@dataclass(frozen=True)
class _Probed:
    """What is known when the steps are trained."""

    file: StudyFile
    base: Path
    prepared: PreparedObjective
    placement: Placement
    device: torch.device
    costs: Mapping[str, Cost]

    @property
    def recipe(self) -> Recipe:
        """Of the study's trials."""
        store = CheckpointStore(cache_folder() / "checkpoints" / "plan", "", 0)  # a folder that nobody writes into
        return Recipe(self.file, self.base, store, self.placement.slots or 1)

    def pace(self, recipe: Recipe, work: Workload, note: Note) -> Pace:
        """Of a run with so much to train; `note` hears what it would say of where it trains."""
        choice = choose(self.placement, recipe, self.prepared, work, note, lambda: self.costs[BASELINE].probe)
        role = max(self.costs, key=lambda role: self.costs[role].together)
        configuration = given_configurations(self.file)[role]
        share = share_of_a_step(self.prepared, configuration, self.device, choice.slots, self.costs[role])
        return Pace(self.costs, choice, share, lengths_of(self.file, self.prepared))


def _search(file: StudyFile, pace: Pace, total: int, left: int) -> tuple[Spent, Spent]:
    """Without pruning, and with it: at the least, every trial that may be pruned is, at its first rung."""
    most = left * pace.dearest
    whole, least = never_pruned(pruner_of(file), total), None
    if whole is not None:
        kept = max(whole - (total - left), 0)
        least = kept * pace.cheapest + (left - kept) * pace.pruned
    return pace.spent(left, most, left * pace.cheapest), pace.spent(left, most, least)


def _confirming(probed: _Probed, total: int) -> Confirming:
    file = probed.file
    settings = file.confirm or ConfirmSettings()
    candidates = max(min(settings.candidates, total - 1), 0)
    arms = most_arms(candidates, file.search_space()) if candidates else 0
    variants = most_variants(file) if settings.ablate and candidates else 0
    tested = 2 * settings.seeds if file.data.test is not None and candidates else 0
    count = (arms + variants) * settings.seeds + tested
    # Trained as one program are at most those of one seed: all arms, and later all variants of the winner.
    seeds = [Fresh(seed) for seed in range(settings.seeds) for _ in range(max(arms, variants))]
    own = probed.recipe
    recipe = FreshRecipe(own.file, own.base, own.store, own.slots, fresh=dict(enumerate(seeds)))
    pace = probed.pace(recipe, Workload(count, count), lambda _: None)
    spent = pace.spent(count, count * pace.dearest, count * pace.cheapest)
    return Confirming(file.confirm is not None, candidates, settings.seeds, arms, variants, tested, spent)


def _checkpoints(probed: _Probed, training: int) -> Checkpoints:
    settings, folder = probed.file.search.checkpoints, cache_folder()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    # Of a cross-validation only the place is kept.
    each = 0 if probed.prepared.folds else max(cost.around.checkpoint for cost in probed.costs.values())
    return Checkpoints(each, training + settings.top, round(settings.disk * 1e9), shutil.disk_usage(there).free)


def _notes(file: StudyFile) -> Iterator[str]:
    if searched := sorted(set(file.space.training) - COSTS_NOTHING - _TOLD_ELSEWHERE):
        yield f"searched, but not measured at other values: {', '.join(searched)}; trials may take more or less"
    if file.training.early_stopping is not None or "early_stopping" in file.space.training:
        yield "early_stopping ends trials sooner; the saving is not known in advance"
