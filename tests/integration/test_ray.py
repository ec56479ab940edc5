"""A study on a real Ray cluster of this machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors.places import cores
from autotune.search.executors.ray_cluster import RayExecutor, cluster_places
from autotune.search.executors.worker import Note, Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import InputError
from optuna.trial import TrialState

from . import faulty
from .commands import check_whole, finish, prepared, start

pytestmark = pytest.mark.slow
CONFIGURATION = Configuration(learning_rate=1e-3)


def run(recipe: Recipe, make: Callable[[Recipe, Note], Trainer], timeout_s: float | None = None) -> list[Evaluation]:
    """All evaluations of the bad trial, on one actor."""
    found: list[Evaluation] = []
    with RayExecutor(0.0, cores(1), replace(recipe, make=make), print, 1, timeout_s) as executor:
        executor.admit(faulty.BAD, CONFIGURATION)
        while not (found and found[-1].finished):
            found += executor.advance(60)
    return found


def test_a_study_runs_on_a_cluster(ray_cluster: str, reviews_csv: Path) -> None:
    folder = prepared(reviews_csv)
    out = finish(folder, "run", "study.yaml", "--executor", "ray", "--address", ray_cluster)
    assert "training in 2 Ray actors with one core each" in out
    assert TrialState.COMPLETE in {trial.state for trial in check_whole(folder)}
    few = ("--seeds", "2", "--candidates", "1", "--no-ablate")
    assert "Verdict" in finish(folder, "confirm", "study.yaml", *few, "--executor", "ray", "--address", ray_cluster)


def test_an_actor_that_dies_is_replaced_and_its_trial_goes_on(ray_cluster: str, recipe: Recipe) -> None:
    assert ray_cluster
    trainer = PlainTrainer(prepare_study(recipe.file, recipe.base), torch.device("cpu"))
    trainer.admit(faulty.BAD, CONFIGURATION)
    expected: list[Evaluation] = []
    while evaluations := trainer.advance():
        expected += evaluations
    found = run(recipe, faulty.killed_once)
    assert [(one.step, one.metrics) for one in found] == [(one.step, one.metrics) for one in expected]


@pytest.mark.parametrize(
    ("fault", "kind", "timeout_s"),
    [
        (faulty.always_killed, FailureKind.CRASHED, None),
        (faulty.raising, FailureKind.CRASHED, None),
        (faulty.hanging, FailureKind.TIMED_OUT, 6.0),
    ],
)
def test_what_goes_wrong_in_an_actor_is_the_trial_s(
    ray_cluster: str, recipe: Recipe, fault: Callable[[Recipe, Note], Trainer], kind: FailureKind, timeout_s: float
) -> None:
    assert ray_cluster
    failure = run(recipe, fault, timeout_s)[-1].failure
    assert failure is not None
    assert failure.kind is kind


def test_a_cluster_without_a_gpu_says_so(ray_cluster: str) -> None:
    assert ray_cluster
    with pytest.raises(InputError, match=r"--gpus-per-worker 0.5: the Ray cluster has 0 GPUs in all"):
        cluster_places(0.5, 4)


def test_where_there_is_no_cluster_it_is_said(reviews_csv: Path) -> None:
    folder = prepared(reviews_csv)
    finish(folder, "create", "study.yaml")
    with start(folder, "run", "tiny", "--executor", "ray", "--address", "127.0.0.1:1") as process:
        _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert err.startswith("--address: no Ray cluster at 127.0.0.1:1 (")
    assert "Traceback" not in err
