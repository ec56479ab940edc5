"""Several objectives on the command line: created, run, reported as a front, and any member of it exported."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.search.export.best_file import read_best
from autotune.search.study import open_study
from optuna.trial import TrialState

Command = Callable[..., Any]


@pytest.fixture
def several(folder: Path, autotune: Command) -> optuna.Study:
    """The small study with two metrics of its main task, run to its end."""
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("objective: sentiment.accuracy", "objective: [sentiment.accuracy, sentiment.log_loss]")
    (folder / "study.yaml").write_text(
        text.replace("[8, 16]", "[null, 0.1]").replace("batch_size: [", "dropout: ["), "utf-8"
    )
    outcome = autotune("study", "run", "study.yaml", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert "2 objectives: pruning is off, and the report shows a Pareto front" in outcome.out
    assert "best and baseline use the first objective, sentiment.accuracy" in outcome.out
    assert "trial 0 complete: " in outcome.out
    assert ", log_loss " in next(line for line in outcome.out.splitlines() if "trial 0 complete" in line)
    return open_study("tiny", "sqlite:///autotune.db").study


def values(trial: optuna.trial.FrozenTrial) -> dict[str, float]:
    return dict(zip(("sentiment.accuracy", "sentiment.log_loss"), trial.values, strict=True))


def shown(value: Mapping[str, float]) -> str:
    return ", ".join(f"{number:.4f}" for number in value.values())


@pytest.mark.slow
def test_a_study_of_two_objectives_from_run_to_export(several: optuna.Study, folder: Path, autotune: Command) -> None:
    assert [direction.name for direction in several.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.state for trial in several.trials] == [TrialState.COMPLETE] * 4
    assert all(trial.user_attrs["reached"] > 0 for trial in several.trials), "deaths are counted from there"
    front = {trial.number for trial in several.best_trials}
    best = min(several.trials, key=lambda trial: (-trial.values[0], trial.number not in front, trial.number))

    facts = json.loads(autotune("study", "report", "tiny", "--json").out)
    assert facts["objectives"] == {"sentiment.accuracy": "maximize", "sentiment.log_loss": "minimize"}
    assert {member["number"] for member in facts["front"]} == front
    assert all(member["values"] == values(several.trials[member["number"]]) for member in facts["front"])
    assert facts["baseline"]["values"] == values(several.trials[0])
    assert facts["importance"] == {}

    report = autotune("study", "report", "tiny").out
    assert "sentiment.accuracy, higher is better; sentiment.log_loss, lower is better" in report
    assert f"Pareto front: {len(front)} of 4 complete trials" in report
    assert f"Trial 0 (baseline: {shown(values(several.trials[0]))})" in " ".join(report.split())

    listed = json.loads(autotune("study", "show", "tiny", "--json").out)["trials"]
    assert [trial["values"] for trial in listed] == [trial.values for trial in several.trials]
    assert shown(values(several.trials[0])) in autotune("study", "show", "tiny").out
    assert f"(of {len(front)} on the front)" in autotune("study", "list").out

    outcome = autotune("study", "export", "tiny")
    assert outcome.out.startswith(f"wrote best.yaml: trial {best.number}, sentiment.accuracy {best.values[0]:.4f}, ")
    found = read_best(folder / "best.yaml").found
    assert (found.trial, found.values) == (best.number, values(best))
    assert {member.trial for member in found.front} == front - {best.number}
    assert all(member.values == values(several.trials[member.trial]) for member in found.front)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 3])
def test_any_complete_trial_can_be_exported_and_trained(
    several: optuna.Study, folder: Path, autotune: Command, number: int
) -> None:
    assert autotune("study", "export", "tiny", "--trial", str(number)).code == 0
    best = read_best(folder / "best.yaml")
    trial = several.trials[number]
    assert best.found.trial == number
    assert best.configuration.model_dump() == trial.user_attrs["configuration"]
    outcome = autotune("train", "best.yaml", "-o", "model", "--devices", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    metrics = json.loads((folder / "model" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"]["accuracy"] == pytest.approx(trial.values[0])
    assert metrics["objective"] == ["sentiment.accuracy", "sentiment.log_loss"]
    assert autotune("study", "export", "tiny", "-o", "hf.json", "--format", "hf", "--trial", str(number)).code == 0
    assert "values" not in json.loads((folder / "hf.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_trial_of_a_study_of_one_objective_is_exported_by_its_number(trained: Path, autotune: Command) -> None:
    study = open_study("tiny", "sqlite:///autotune.db").study
    assert autotune("study", "export", "tiny", "--trial", "1").code == 0
    found = read_best(trained / "best.yaml").found
    assert (found.trial, found.value, found.front) == (1, study.trials[1].value, [])
    assert found.values == {"sentiment.accuracy": study.trials[1].value}


def test_a_trial_that_cannot_be_exported_is_told_with_those_that_can(trained: Path, autotune: Command) -> None:
    outcome = autotune("study", "export", "tiny", "--trial", "77")
    assert outcome.code == 2
    assert outcome.err == "--trial: 77 is not a complete trial of 'tiny'; complete are: 0, 1, 2, 3\n"
    assert not (trained / "best.yaml").exists()


def test_create_says_which_tasks_are_never_off(folder: Path, autotune: Command) -> None:
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "objective: sentiment.accuracy", "objective: [sentiment.accuracy, aspect.accuracy, cost.gflops]"
    )
    (folder / "study.yaml").write_text(text, "utf-8")
    outcome = autotune("study", "create", "study.yaml")
    assert "never switched off, as an objective measures them: aspect" in outcome.out
    study = open_study("tiny", "sqlite:///autotune.db").study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE", "MINIMIZE"]
    # With every auxiliary measured the baseline has equal weights: it is trained once.
    assert [trial.user_attrs["role"] for trial in study.trials] == ["baseline"]
    assert study.trials[0].user_attrs["configuration"]["ratios"] == {"aspect": 1.0}
