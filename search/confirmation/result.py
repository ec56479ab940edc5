"""The result of a confirmation: one value for terminal, page, export and model card. reading.py builds it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...spaces.training import COSTS_NOTHING
from ..roles import BASELINE
from ..verdict.ablation import Effect
from ..verdict.comparison import Comparison
from ..verdict.estimate import Estimate
from ..verdict.indifference import Simplicity
from ..verdict.short_runs import ShortRuns
from ..verdict.significance import level_of
from ..verdict.units import Unit
from ..verdict.verdict import Verdict
from .arms import Planned


@dataclass(frozen=True)
class Arm(Planned):
    """A planned configuration with what its trainings on fresh seeds gave.

    Args:
        scores: seed -> the first objective on validation data, in the metric's unit.
        failures: seed -> what went wrong.
        seconds: of training, all seeds together.
        search_score: what the search said of its trial.
        cost: seconds of a training of its form (same tasks, augmented or not, same settings that cost time), over all
            arms that have it, as one arm's own are as noisy as the machine; None: its own.
    """

    scores: Mapping[int, float] = field(default_factory=dict[int, float])
    failures: Mapping[int, str] = field(default_factory=dict[int, str])
    seconds: float = 0.0
    search_score: float | None = None
    cost: float | None = None

    @property
    def seconds_each(self) -> float:
        """Of one training."""
        return self.seconds / max(1, len(self.scores))

    @property
    def simplicity(self) -> Simplicity:
        """By which equals are ordered; a step costs what the trainings took, which are equally long."""
        cost = self.seconds_each if self.cost is None else self.cost
        return Simplicity(len(self.configuration.ratios), self.configuration.mix.share > 0, cost)

    @property
    def form(self) -> str:
        """What decides how much a training computes; not by how much losses are weighted, nor the rate."""
        configuration = self.configuration
        costly = {name: value for name, value in configuration.training.items() if name not in COSTS_NOTHING}
        return json.dumps([sorted(configuration.ratios), configuration.mix.share > 0, costly], sort_keys=True)


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
        fresh_runs: what it would have done to the configurations that were trained on fresh seeds, by their means.
        same_rows: every seed was measured on the same rows, so the figures are of these rows only.
        seconds: of all fresh trainings.
        looks: those before, after which seeds were added: how many had scores, and who was shown to be better then.
    """

    seeds: tuple[int, ...]
    missing: int
    arms: tuple[Arm, ...]
    verdict: Verdict | None
    unit: Unit
    effects: tuple[Effect, ...]
    tested: Tested | None
    short_runs: ShortRuns | None
    fresh_runs: ShortRuns | None
    same_rows: bool
    seconds: float
    looks: Mapping[int, str | None] = field(default_factory=dict[int, str | None])

    @property
    def gain_level(self) -> str:
        """That of the intervals of gains on the fresh seeds, which goes with the test; of all others 95 %."""
        return f"{100 * level_of(len(self.looks) + 1):.3g} %"

    def arm(self, name: str) -> Arm:
        """The arm of that name. KeyError if there is none."""
        return {arm.name: arm for arm in self.arms}[name]

    @property
    def baseline(self) -> Arm:
        return self.arm(BASELINE)

    @property
    def winner(self) -> Arm | None:
        """The best by fresh scores; None while no training succeeded."""
        return None if self.verdict is None else self.arm(self.verdict.winner.name)
