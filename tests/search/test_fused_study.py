"""A whole study on the fused trainer, which `study run` takes on a GPU; on a CPU with --executor inline and slots."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.objectives.training.fused import trainer
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.search.confirmation import fresh
from autotune.search.executors import places, worker
from autotune.search.study import open_study
from optuna.trial import TrialState

STUDY = """\
name: NAME
data: {train: reviews.csv, validation: 0.25}
model: {encoder: scratch:tiny, max_length: 16}
tasks: {sentiment: {kind: classification}, aspect: {kind: classification, label: aspect}}
space: {loss_weights: {optional: false}, augmentation: {operations: [mixup]}}
training: {epochs: 2, batch_size: 16, precision: fp32}
search: {trials: 8, sampler: random}
"""
Command = Callable[..., Any]
Ended = Sequence[tuple[TrialState, dict[str, Any], dict[int, float]]]


@pytest.fixture
def cohorts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many trials every cohort had."""
    found: list[int] = []

    class Seen(Cohort):
        def train(self, most_steps: int | None = None) -> None:
            found.append(len(self.runs))
            super().train(most_steps)

    monkeypatch.setattr(trainer, "Cohort", Seen)
    monkeypatch.setattr(places, "core_count", lambda: 1)
    monkeypatch.setattr(worker, "fastest_trainer", FusedTrainer)
    monkeypatch.setattr(fresh, "fastest_trainer", FusedTrainer)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("cores", [1, 2])
def test_slots_change_how_trials_train_and_not_what_they_find(
    folder: Path, autotune: Command, cohorts: list[int], monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(places, "core_count", lambda: cores)
    found: list[Ended] = []
    for name, slots in (("alone", 1), ("together", 4)):
        (folder / f"{name}.yaml").write_text(STUDY.replace("NAME", name), "utf-8")
        told = autotune(
            "study", "run", f"{name}.yaml", "--executor", "inline", "--devices", "cpu", "--slots", str(slots)
        )
        assert (told.code, told.err) == (0, ""), told
        assert max(cohorts) == max(slots // cores, 1), "slots are spread over the cores"
        cohorts.clear()
        trials = open_study(name, "sqlite:///autotune.db").study.get_trials()
        found.append([(trial.state, trial.params, trial.intermediate_values) for trial in trials])
    assert found[0] == found[1]


@pytest.mark.slow
def test_arms_on_one_fresh_seed_train_together(folder: Path, autotune: Command, cohorts: list[int]) -> None:
    found: list[Ended] = []
    for name, slots in (("alone", 1), ("together", 4)):
        (folder / f"{name}.yaml").write_text(STUDY.replace("NAME", name).replace("trials: 8", "trials: 3"), "utf-8")
        where = ("--executor", "inline", "--devices", "cpu", "--slots")
        assert autotune("study", "run", f"{name}.yaml", *where, "1").code == 0
        cohorts.clear()
        told = autotune("study", "confirm", name, "--seeds", "2", "--candidates", "2", *where, str(slots))
        assert told.code == 0, told
        assert (max(cohorts) > 1) == (slots > 1)
        trials = optuna.load_study(study_name=f"{name}/confirmation", storage="sqlite:///autotune.db").get_trials()
        found.append([(trial.state, trial.params, trial.intermediate_values) for trial in trials])
    assert found[0] == found[1]
