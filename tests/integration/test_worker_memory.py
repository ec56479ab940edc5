"""A worker lives as long as the study: what it holds must not grow with its trials."""

import multiprocessing
import random

import psutil
import pytest
from autotune.search.executors.places import cores
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.spaces.configuration import Configuration

from .forked import forked_workers  # noqa: F401  # pyright: ignore[reportUnusedImport]

TRIALS = 200
WARM_UP = 20


def configuration(draw: random.Random) -> Configuration:
    """Whatever changes shapes and states: tasks on and off, several batch sizes and weightings; one in ten diverges."""
    return Configuration(
        learning_rate=1e30 if draw.random() < 0.1 else 10 ** draw.uniform(-4, -2),
        ratios={"aspect": draw.uniform(0.1, 2)} if draw.random() < 0.7 else {},
        training={
            "batch_size": draw.choice([8, 16, 32]),
            "dropout": draw.choice([0.0, 0.1]),
            "epochs": 1,
            "weighting": draw.choice(["static", "uncertainty", "dwa", "pcgrad"]),
        },
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("forked_workers")
def test_a_worker_s_memory_is_flat_over_its_trials(recipe: Recipe) -> None:
    draw, held = random.Random(0), dict[int, int]()
    with ProcessExecutor(cores(1), recipe, print, 2, None) as executor:
        for trial_id in range(TRIALS):
            executor.admit(trial_id, configuration(draw))
            while not any(evaluation.finished for evaluation in executor.advance()):
                pass
            executor.discard(trial_id)
            (worker,) = multiprocessing.active_children()
            held[trial_id + 1] = psutil.Process(worker.pid).memory_info().rss
    grown = {trial: size / held[WARM_UP] for trial, size in held.items() if trial > WARM_UP}
    megabytes = {trial: round(held[trial] / 1e6) for trial in (1, WARM_UP, 50, 100, 150, TRIALS)}
    assert max(grown.values()) < 1.05, megabytes
