"""Whole studies on a GPU: in one process, in a worker that is killed, in Ray actors that share it."""

from pathlib import Path

import pytest
from autotune.objectives.training.trainer import Evaluation
from autotune.search.executors.executor import Executor
from autotune.search.executors.places import find_places
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.spaces.configuration import Configuration
from optuna.trial import TrialState

from ..integration import faulty
from ..integration.commands import MAIN, check_whole, start
from . import faulty_gpu

pytestmark = pytest.mark.slow
STUDY = """\
name: tiny
data: {train: reviews.csv, validation: 0.25}
model: {encoder: scratch:tiny, max_length: 16}
tasks:
  sentiment: {kind: classification}
  aspect: {kind: classification, label: aspect}
  language: {kind: masked_lm}
space:
  augmentation: {operations: [noise, mixup]}
training: {epochs: 3, batch_size: 8, evaluations_per_epoch: 2}
search: {trials: TRIALS, sampler: random, pruner: PRUNER}
confirm: {candidates: 1, seeds: 2}
"""


def run(folder: Path, *arguments: str, script: str = MAIN) -> str:
    """`autotune study ARGUMENTS` in a process of its own, as users start it."""
    with start(folder, *arguments, script=script) as process:
        out, err = process.communicate(timeout=600)
    assert process.returncode == 0, (out, err)
    assert "Traceback" not in err, err
    return out


def write(folder: Path, trials: int, pruner: str = "auto") -> None:
    (folder / "study.yaml").write_text(STUDY.replace("TRIALS", str(trials)).replace("PRUNER", pruner), "utf-8")


def test_a_study_from_its_plan_to_its_verdict(folder: Path) -> None:
    write(folder, 16)
    assert "trials" in run(folder, "plan", "study.yaml")
    told = run(folder, "run", "study.yaml")
    assert "training on " in told
    assert "as one program" in told or "one trial at a time" in told
    trials = check_whole(folder, 16)
    assert TrialState.COMPLETE in {trial.state for trial in trials}
    assert TrialState.FAIL not in {trial.state for trial in trials}
    run(folder, "confirm", "study.yaml")
    assert "Verdict" in run(folder, "report", "tiny")
    run(folder, "export", "tiny", "-o", "best.yaml")


def test_how_many_slots_there_are_changes_no_result(folder: Path) -> None:
    found: list[list[float | None]] = []
    for slots in ("8", "2"):
        write(folder, 8, "none")
        run(folder, "run", "study.yaml", "--slots", slots)
        found.append([trial.value for trial in check_whole(folder, 8)])
        (folder / "autotune.db").unlink()
    same = [one == two for one, two in zip(*found, strict=True)]
    assert sum(same) >= 7, found  # of 15 rows one may fall the other way, by rounding


def test_a_worker_of_its_own_trains_there(folder: Path) -> None:
    write(folder, 6)
    run(folder, "run", "study.yaml", "--executor", "process")
    check_whole(folder)


def test_two_actors_share_it(folder: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'autotune-mtl[ray]'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "num_gpus": 1, "include_dashboard": False})
    write(folder, 6)
    try:
        there = ("--executor", "ray", "--address", str(cluster.address), "--gpus-per-worker", "0.5")
        assert "training in 2 Ray actors with 0.5 GPU each" in run(folder, "run", "study.yaml", *there)
    finally:
        cluster.shutdown()
    check_whole(folder)


@pytest.mark.parametrize("fault", [faulty.KilledOnce, faulty_gpu.AssertingOnce])
def test_a_worker_that_the_device_or_a_signal_ends_is_replaced(recipe: Recipe, fault: type[Recipe]) -> None:
    notes: list[str] = []
    given = faulty.with_fault(fault, recipe)
    with ProcessExecutor(find_places("auto")[:1], given, notes.append, 1, 300.0) as executor:
        found = trained(executor, faulty.BAD)
    assert [evaluation.failure for evaluation in found] == [None] * len(found)
    assert len({evaluation.step for evaluation in found}) == len(found) > 1
    assert any("died" in note or "worker" in note for note in notes), notes


def trained(executor: Executor, trial_id: int) -> list[Evaluation]:
    """All evaluations of a trial that is alone there."""
    executor.admit(trial_id, Configuration(learning_rate=1e-3))
    found: list[Evaluation] = []
    while not (found and found[-1].finished):
        found += executor.advance()
    executor.discard(trial_id)
    return found
