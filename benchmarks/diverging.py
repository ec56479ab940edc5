"""How many trials diverge, where high learning rates do, and how good is the best? Nothing is trained.

    python benchmarks/diverging.py [--trials 60] [--seeds 20]

Above two thirds of the searched range, on its log scale, every trial diverges. Below, its score is a parabola of the
learning rate plus small ones of a loss weight, a share and a magnitude, with one point of noise. The parabola's top is
well below the edge, near it, or beyond it, where the best that can be reached is the edge itself. The same searches
are run by Optuna's TPE, which ignores failed trials, and by ours, which counts diverged ones among the bad.
"""

import argparse
from collections.abc import Mapping

import numpy as np
import optuna
from autotune.search.roles import FAILURE
from autotune.search.samplers import make_sampler
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

LOW, HIGH = 1e-5, 5e-4
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(LOW, HIGH, log=True),
    "aspect.on": CategoricalDistribution([True, False]),
    "aspect.ratio": FloatDistribution(0.03, 10, log=True),
    "share": FloatDistribution(0, 0.8),
    "magnitude": FloatDistribution(0.05, 0.3),
}
EDGE = 2 / 3
TOPS = (0.3, 0.5, 0.65, 0.8)
"""Where in the range of the learning rate the parabola has its top: 0 is its low end, 1 its high one."""
NOISE = 0.01
RANDOM = 10
"""Trials before a model is asked; both samplers draw the same."""


def place(params: Mapping[str, float]) -> float:
    """Where a learning rate is in its range, on its log scale."""
    return float(np.log(params["learning_rate"] / LOW) / np.log(HIGH / LOW))


def score(params: Mapping[str, float], top: float) -> float:
    """The noiseless score."""
    weight = np.log(params["aspect.ratio"] / 0.03) / np.log(10 / 0.03)
    task = (0.01 - 0.02 * (weight - 0.6) ** 2) * params["aspect.on"]
    mix = 0.03 * (params["share"] / 0.8 - 0.4) ** 2 + 0.01 * ((params["magnitude"] - 0.1) / 0.25) ** 2
    return float(0.8 - 0.25 * (place(params) - top) ** 2 + task - mix)


def best(top: float) -> float:
    """The best score of a rate that does not diverge."""
    return 0.81 - 0.25 * (min(top, EDGE) - top) ** 2


def search(sampler: BaseSampler, seed: int, top: float, trials: int) -> tuple[int, float]:
    """How many trials diverged, and by how many points the chosen one is worse than the best."""
    noise = np.random.default_rng(seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(trials):
        trial = study.ask(SPACE)
        if place(trial.params) > EDGE:
            trial.set_user_attr(FAILURE, {"kind": "diverged", "message": "a loss is NaN"})
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, score(trial.params, top) + NOISE * noise.normal())
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return len(failed), 100 * (best(top) - score(study.best_trial.params, top))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=20)
    chosen = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("| top of the range | sampler | diverged | worse than the best, points |\n| --- | --- | --- | --- |")
    for top in TOPS:
        for name in ("Optuna's", "ours"):
            found = [
                search(sampler_of(name, seed, chosen.trials), seed, top, chosen.trials) for seed in range(chosen.seeds)
            ]
            diverged, regret = (mean_of(values) for values in np.array(found).T)
            print(f"| {top:g} | {name} | {diverged} | {regret} |", flush=True)


def sampler_of(name: str, seed: int, trials: int) -> BaseSampler:
    ours = make_sampler("tpe", SPACE, seed, [0], trials, points=())
    draws = int(np.random.SeedSequence([seed, 0]).generate_state(1)[0])
    return ours if name == "ours" else TPESampler(seed=draws, n_startup_trials=RANDOM)


def mean_of(values: NDArray[np.float64]) -> str:
    """The mean over seeds, and its standard error."""
    return f"{values.mean():.2f} ± {values.std(ddof=1) / len(values) ** 0.5:.2f}"


if __name__ == "__main__":
    main()
