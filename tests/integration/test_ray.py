"""A study on a real Ray cluster of this machine."""

from collections import deque
from pathlib import Path

import pytest
import torch
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Evaluation, Trainer
from autotune.search.executors.choosing import Workload, make_executor
from autotune.search.executors.executor import Executor
from autotune.search.executors.lanes import WorkerDied
from autotune.search.executors.placement import ExecutorName, Placement
from autotune.search.executors.places import cores
from autotune.search.executors.ray_cluster import RayExecutor, _Actor, cluster_places
from autotune.search.executors.worker import Recipe
from autotune.search.preparing import prepare_study
from autotune.spaces.configuration import Configuration
from autotune.spaces.errors import InputError
from optuna.trial import TrialState

from . import faulty
from .commands import check_whole, finish, prepared, start

pytestmark = pytest.mark.slow
CONFIGURATION = Configuration(learning_rate=1e-3)


def trained(executor: Executor | Trainer, trial_id: int) -> list[Evaluation]:
    """All evaluations of a trial that is alone there."""
    executor.admit(trial_id, CONFIGURATION)
    found: list[Evaluation] = []
    while not (found and found[-1].finished):
        found += executor.advance()
    executor.discard(trial_id)
    return found


def test_a_study_runs_on_a_cluster(ray_cluster: str, reviews_csv: Path) -> None:
    folder = prepared(reviews_csv)
    there = ("--executor", "ray", "--address", ray_cluster, "--devices", "cpu:2")
    out = finish(folder, "run", "study.yaml", *there)
    assert "training in 2 Ray actors with one core each" in out
    assert TrialState.COMPLETE in {trial.state for trial in check_whole(folder)}
    few = ("--seeds", "2", "--candidates", "1", "--no-ablate")
    assert "Verdict" in finish(folder, "confirm", "study.yaml", *few, *there)


def test_what_goes_wrong_in_an_actor_is_the_trial_s(ray_cluster: str, recipe: Recipe) -> None:
    """An actor that dies is replaced and its trial goes on; one that raises or hangs costs its trial, no other."""
    assert ray_cluster
    faulty_trials = (faulty.BAD, faulty.RAISING, faulty.HANGING)
    with RayExecutor(cores(1), faulty.with_fault(faulty.EachItsOwn, recipe), print, 1, 20.0) as executor:
        killed, raising, hanging = (trained(executor, trial_id) for trial_id in faulty_trials)
    alone = trained(PlainTrainer(prepare_study(recipe.file, recipe.base), torch.device("cpu")), faulty.BAD)
    assert [(one.step, one.metrics) for one in killed] == [(one.step, one.metrics) for one in alone]
    assert [found[-1].failure and found[-1].failure.kind for found in (killed, raising, hanging)] == [
        None,
        FailureKind.CRASHED,
        FailureKind.TIMED_OUT,
    ]


def test_an_actor_that_dies_idle_costs_no_trial(ray_cluster: str, recipe: Recipe) -> None:
    """Ray tells of it when the next trial is sent there."""
    assert ray_cluster
    with RayExecutor(cores(1), recipe, print, 0, None) as executor:
        trained(executor, 1)
        (lane,) = executor._lanes
        assert lane.worker is not None
        lane.worker.kill()
        assert trained(executor, 2)[-1].failure is None


def test_what_a_trial_waits_for_before_it_trains_counts_for_no_limit(ray_cluster: str, recipe: Recipe) -> None:
    assert ray_cluster
    with RayExecutor(cores(1), faulty.with_fault(faulty.SlowToPrepare, recipe), print, 0, 9.0) as executor:
        assert trained(executor, 7)[-1].failure is None


def test_whatever_ray_says_of_a_lost_actor_is_its_death(ray_cluster: str) -> None:
    """Ray's own monitor kills what takes too much memory, and names it unlike an actor that died."""
    assert ray_cluster
    import ray
    from ray.exceptions import OutOfMemoryError

    def killed() -> None:
        raise OutOfMemoryError("killed for want of memory")

    actor = object.__new__(_Actor)
    actor.answers, actor.messages, actor._is_broken = deque([ray.remote(killed).remote()]), deque(), False
    with pytest.raises(WorkerDied, match="its actor died: "):
        actor.receive()


def test_a_run_with_nothing_left_waits_with_an_actor(ray_cluster: str, recipe: Recipe) -> None:
    """Another run has the last trial, and may die."""
    placement = Placement(executor=ExecutorName.RAY, address=ray_cluster)
    with make_executor(placement, recipe, prepare_study(recipe.file, recipe.base), Workload(0, 0), print) as executor:
        assert executor.capacity == 1


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
