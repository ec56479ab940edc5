"""Samplers: Optuna's, configured for small budgets and several tuners."""

import math
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ..objectives.training.failure import FailureKind
from ..spaces.configuration import SettingValue
from ..spaces.errors import StudyFileError
from .roles import failure_told

ONE_OBJECTIVE_ONLY = frozenset({"cmaes"})
"""Samplers that cannot search several objectives; all others of ours can."""
AUTOMATIC = "tpe"
"""What did best at every budget in benchmarks/samplers.py (docs/samplers.md)."""
_GRID_LIMIT = 10_000
"""More points than anyone trains: a grid of that size is a mistake in the study file."""


def make_sampler(
    name: str,
    distributions: Mapping[str, BaseDistribution],
    seed: int,
    started: Sequence[int],
    trials: int,
    points: Sequence[Mapping[str, SettingValue]],
) -> BaseSampler:
    """Make the sampler of that name for a flat space.

    Args:
        name: a sampler of the study file, `auto` included.
        distributions: the whole space; every parameter is suggested in every trial.
        seed: the study's own.
        started: what tells this run from others; a resumed run or a second tuner gets other random numbers by it.
        trials: the study's total, which says after how many trials a sampler may trust its model of them.
        points: what a grid's trials have as parameters, by the trial's number.
    """
    draws = int(np.random.SeedSequence([seed, *started]).generate_state(1)[0])
    if name == "auto":
        name = AUTOMATIC
    if name == "cmaes" and len(_numeric(distributions)) < 2:
        name = "tpe"  # CMA-ES is not defined in one dimension
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: DivergenceAwareTPESampler(seed=draws, n_startup_trials=_random_at_first(trials)),
        "gp": lambda: GPSampler(seed=draws, n_startup_trials=_random_at_first(trials), warn_independent_sampling=False),
        # CMA-ES moves numbers only: what is a choice comes from TPE, knowingly, so no warning.
        "cmaes": lambda: CmaEsSampler(
            seed=draws, independent_sampler=TPESampler(seed=draws), warn_independent_sampling=False
        ),
        # One sequence for the whole study: its place is kept in the storage, so it is the seed that all share.
        "qmc": lambda: QMCSampler(
            seed=seed, scramble=True, independent_sampler=RandomSampler(seed=draws), warn_independent_sampling=False
        ),
        "random": lambda: RandomSampler(seed=draws),
        "grid": lambda: ListedPointsSampler(distributions, points, RandomSampler(seed=draws)),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # QMC's: news for Optuna's developers, not for a user
        return makers[name]()


class DivergenceAwareTPESampler(TPESampler):
    """TPE that counts diverged trials among the bad ones; Optuna's ignores what failed, and proposes such rates again.

    They join the density of bad trials only, as running ones do: neither the good ones nor how many trials are random
    at first depends on them. What else fails a trial (a crash, memory, time) says little of its configuration.
    """

    def _build_parzen_estimator(
        self, study: Study, search_space: dict[str, BaseDistribution], trials: list[FrozenTrial], handle_below: bool
    ) -> Any:  # noqa: ANN401, as Optuna's own class is private
        if not handle_below:
            failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
            diverged = [trial for trial in failed if failure_told(trial.user_attrs)["kind"] == FailureKind.DIVERGED]
            trials = sorted([*trials, *diverged], key=lambda trial: trial.number)
        return super()._build_parzen_estimator(study, search_space, trials, handle_below)


class ListedPointsSampler(BaseSampler):
    """Takes given points in turn: a trial's number is its place, whichever tuner on whichever host asked for it.

    Nothing waits in a queue, because Optuna reads all that waits whenever it looks at the trials: a thousand waiting
    cost seconds a trial. Trials beyond the last point are drawn.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        points: Sequence[Mapping[str, SettingValue]],
        beyond: BaseSampler,
    ) -> None:
        self._distributions = distributions
        self._points = points
        self._beyond = beyond

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return dict(self._points[trial.number]) if trial.number < len(self._points) else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401, as Optuna's
        return self._beyond.sample_independent(study, trial, param_name, param_distribution)


def _random_at_first(trials: int) -> int:
    """Return how many trials are random before a model of them is asked: Optuna's 10, fewer in a short search."""
    return max(4, min(10, trials // 3))


def _numeric(distributions: Mapping[str, BaseDistribution]) -> list[str]:
    return [
        name
        for name, distribution in distributions.items()
        if not isinstance(distribution, CategoricalDistribution) and not distribution.single()
    ]


def grid_points(distributions: Mapping[str, BaseDistribution], levels: int) -> list[dict[str, SettingValue]]:
    """Return all combinations of the space's values, as a trial's parameters.

    A float has `levels` values, log-spaced where it is searched so; an integer all its values or `levels` of them;
    a choice has all. The order is shuffled (always the same way), so that a budget smaller than the grid gets a
    fair sample of it rather than one corner.

    Raises:
        StudyFileError: there are more than 10,000 points.
    """
    values = {name: _values(distribution, levels) for name, distribution in distributions.items()}
    size = math.prod(len(choices) for choices in values.values())
    if size > _GRID_LIMIT:
        sizes = ", ".join(f"{name}: {len(choices)}" for name, choices in values.items())
        msg = f"search.sampler: a grid over this space has {size:,} points ({sizes}); allowed are {_GRID_LIMIT:,}"
        raise StudyFileError(msg)
    points = [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]
    random.Random(0).shuffle(points)
    return points


def _values(distribution: BaseDistribution, levels: int) -> list[SettingValue]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        every = range(distribution.low, distribution.high + 1, distribution.step)
        if len(every) <= levels:
            return list(every)
        places = _spaced(distribution.low, distribution.high, levels, log=distribution.log)
        return list(dict.fromkeys(every[round((place - every.start) / every.step)] for place in places))
    if isinstance(distribution, FloatDistribution):
        places = _spaced(distribution.low, distribution.high, levels, log=distribution.log)
        step, low = distribution.step, distribution.low
        on_grid = places if step is None else [low + step * round((place - low) / step) for place in places]
        return list(dict.fromkeys(min(max(value, low), distribution.high) for value in on_grid))
    msg = f"no grid over a {type(distribution).__name__}"
    raise TypeError(msg)


def _spaced(low: float, high: float, levels: int, *, log: bool) -> list[float]:
    spaced = np.geomspace(low, high, levels) if log else np.linspace(low, high, levels)
    return [float(place) for place in spaced]
