"""Trials that another program than autotune added or told, such as a dashboard: no command trips over them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.search.study import open_study
from optuna.trial import TrialState

Command = Callable[..., Any]


@pytest.fixture
def with_others(trained: Path) -> optuna.Study:
    """The small study, with a trial that was added whole and one that was asked for and told, both better than ours."""
    study = open_study("tiny", "sqlite:///autotune.db").study
    study.add_trial(optuna.trial.create_trial(value=7.0))
    study.tell(study.ask(), 8.0)
    return study


@pytest.mark.slow
def test_they_are_counted_and_never_the_best(with_others: optuna.Study, trained: Path, autotune: Command) -> None:
    for command in (["list"], ["show", "tiny"], ["report", "tiny"], ["report", "tiny", "--html", "page.html"]):
        told = autotune("study", *command)
        assert (told.code, told.err) == (0, ""), (command, told)
        named_best = [line for line in told.out.splitlines() if "best" in line.lower()]
        assert not [line for line in named_best if "7.0" in line or "8.0" in line], command
    assert autotune("study", "export", "study.yaml").code == 0
    assert not {"7.0", "8.0"} & set((trained / "best.yaml").read_text(encoding="utf-8").split())
    assert autotune("study", "confirm", "tiny", "--seeds", "2", "--candidates", "1", "--devices", "cpu").code == 0
    assert len(with_others.get_trials(states=(TrialState.COMPLETE,))) > 2
    assert autotune("study", "run", "study.yaml", "--trials", "8", "--devices", "cpu").code == 0
    assert [trial.state for trial in with_others.get_trials()] == [TrialState.COMPLETE] * 8
