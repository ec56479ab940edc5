"""`autotune study copy` between SQLite and a real PostgreSQL: nothing of a study is lost, and the copy goes on."""

import math
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.search.copying import copy_study
from autotune.search.storage import open_storage
from autotune.spaces.errors import StudyError
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from .commands import ENDED, TOTAL, finish

pytestmark = pytest.mark.slow


def opened(url: str) -> optuna.Study:
    return optuna.load_study(study_name="tiny", storage=open_storage(url, create=False))


def facts(trial: FrozenTrial) -> dict[str, Any]:
    """All that Optuna knows of a trial, but its number in the database."""
    return {
        "number": trial.number,
        "state": trial.state,
        "values": trial.values,
        "params": trial.params,
        "distributions": trial.distributions,
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "intermediate": {step: repr(value) for step, value in trial.intermediate_values.items()},
        "begun": trial.datetime_start,
        "ended": trial.datetime_complete,
    }


def add_odd_trials(study: optuna.Study) -> None:
    """One of every end, with what is hard to store."""
    space: dict[str, BaseDistribution] = {
        "größe": FloatDistribution(1e-12, 1e12, log=True),
        "schritt": FloatDistribution(0, 1, step=0.1),
        "schichten": IntDistribution(1, 9),
        "an": CategoricalDistribution([None, True, "评论", 0.5]),
    }
    for state, value in ((TrialState.COMPLETE, math.inf), (TrialState.PRUNED, None), (TrialState.FAIL, None)):
        trial = study.ask(space)
        for step, reported in enumerate((0.1 + 0.2, math.nan, -math.inf, 5e-324), 1):
            trial.report(reported, step)
        trial.set_user_attr(
            "Notiz", {"text": "🙂 \u2028 'x' \"y\" {z}", "tief": [1, [2.5, None, {"a": True}]], "lang": "ö" * 9000}
        )
        study.tell(trial, value, state=state)
    study.enqueue_trial({"größe": 1.0}, user_attrs={"role": "mine"})


def test_to_a_server_and_back(folder: Path, postgres_url: str) -> None:
    finish(folder, "run", "study.yaml", "--trials", "3")
    first, back = f"sqlite:///{folder / 'autotune.db'}", f"sqlite:///{folder / 'back.db'}"
    add_odd_trials(opened(first))
    count = len(opened(first).trials)
    assert f"its {count} trials to postgresql" in finish(folder, "copy", "tiny", "--to", postgres_url)
    finish(folder, "copy", "tiny", "--storage", postgres_url, "--to", back)
    one, server, other = opened(first), opened(postgres_url), opened(back)
    assert {trial.state for trial in one.trials} == ENDED | {TrialState.WAITING}
    for copied in (server, other):
        assert list(map(facts, copied.trials)) == list(map(facts, one.trials))
        assert copied.user_attrs == one.user_attrs
        assert copied.directions == one.directions
        assert copied.best_trial.number == one.best_trial.number
    connection = sqlite3.connect(folder / "back.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_copy_goes_on_where_the_study_stood(folder: Path, postgres_url: str) -> None:
    finish(folder, "run", "study.yaml", "--trials", "3")
    finish(folder, "copy", "tiny", "--to", postgres_url)
    before = list(map(facts, opened(postgres_url).trials[:3]))
    assert f"{TOTAL} trials, 3 done" in finish(folder, "run", "tiny", "--storage", postgres_url)
    after = opened(postgres_url).trials
    assert list(map(facts, after[:3])) == before
    assert [trial.number for trial in after] == list(range(TOTAL))
    assert {trial.state for trial in after} <= ENDED
    assert len(opened(f"sqlite:///{folder / 'autotune.db'}").trials) == 3
    assert "of 6 in all" in finish(folder, "report", "tiny", "--storage", postgres_url)
    with pytest.raises(StudyError, match="holds a study 'tiny' already"):
        copy_study("tiny", f"sqlite:///{folder / 'autotune.db'}", postgres_url)
