"""`autotune study copy`: the same study elsewhere, whole or not at all."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from autotune.search import copying
from autotune.search.cli import watching
from autotune.search.roles import OWNER, READY
from autotune.search.storage import open_storage
from autotune.search.study import open_study
from autotune.search.summary.summarizing import summarize
from autotune.search.summary.summary import Summary
from autotune.spaces.errors import StudyError
from optuna.distributions import BaseDistribution, FloatDistribution

from .conftest import Command

FROM, TO = "sqlite:///autotune.db", "sqlite:///copy.db"


def told(study: optuna.Study) -> list[tuple[object, ...]]:
    return [
        (t.number, t.state, t.values, t.params, t.user_attrs, t.system_attrs, t.intermediate_values)
        for t in study.trials
    ]


@pytest.mark.slow
def test_a_copy_is_the_same_study(trained: Path, autotune: Command) -> None:
    assert autotune("study", "copy", "tiny", "--to", TO).out == f"copied tiny and its 4 trials to {TO}\n"
    one, other = open_study("tiny", FROM).study, open_study("tiny", TO).study
    assert told(one) == told(other)
    assert one.user_attrs == other.user_attrs
    assert one.directions == other.directions
    assert autotune("study", "report", "tiny", "--storage", TO).code == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:QMCSampler is experimental")
def test_a_quasi_random_sequence_goes_on_in_the_copy(trained: Path) -> None:
    space: dict[str, BaseDistribution] = {name: FloatDistribution(0, 1) for name in "abc"}

    def asked(url: str) -> list[dict[str, float]]:
        sampler = optuna.samplers.QMCSampler(seed=1)
        study = optuna.load_study(study_name="tiny", storage=open_storage(url, create=False), sampler=sampler)
        return [sampler.sample_relative(study, study.trials[0], space) for _ in range(3)]

    first = asked(FROM)
    copying.copy_study("tiny", FROM, TO)
    assert asked(TO) == asked(FROM)
    assert asked(TO) != first


@pytest.mark.slow
def test_a_study_is_never_overwritten(trained: Path, autotune: Command) -> None:
    assert autotune("study", "copy", "tiny", "--to", TO).code == 0
    outcome = autotune("study", "copy", "tiny", "--to", TO)
    assert (outcome.code, outcome.err) == (2, f"{TO} holds a study 'tiny' already; delete it there first\n")


@pytest.mark.slow
def test_half_a_copy_is_not_ready_and_may_be_made_again(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_queued", killed)
        with pytest.raises(KeyboardInterrupt):
            copying.copy_study("tiny", FROM, TO)
    with pytest.raises(StudyError, match="was not completed"):
        open_study("tiny", TO)
    assert copying.copy_study("tiny", FROM, TO) == 4
    assert open_study("tiny", TO).study.user_attrs[READY]


@pytest.mark.slow
def test_a_running_trial_is_queued_in_the_copy(trained: Path) -> None:
    record = open_study("tiny", FROM)
    trial = record.study.ask(record.file.search_space().distributions)
    trial.report(0.5, 1)
    trial.set_user_attr(OWNER, "somebody")
    copying.copy_study("tiny", FROM, TO)
    copied = open_study("tiny", TO).study.trials[trial.number]
    assert (copied.state.name, copied.datetime_start, copied.user_attrs) == ("WAITING", None, {})
    assert (copied.params, copied.intermediate_values) == (trial.params, {1: 0.5})


@pytest.mark.slow
def test_queuing_a_trial_in_the_copy_leaves_the_original_as_it_is(trained: Path) -> None:
    study = open_study("tiny", FROM).study
    study.ask().set_user_attr(OWNER, "somebody")
    original = study.get_trials(deepcopy=False)[-1]
    before = study.get_trials(deepcopy=True)[-1]
    assert copying._queued(original).state.name == "WAITING"
    assert original == before
    assert (original.state.name, original.user_attrs) == ("RUNNING", {OWNER: "somebody"})


def test_watching_ends_when_the_study_is_done(trained: Path, autotune: Command) -> None:
    outcome = autotune("study", "show", "tiny", "--watch")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("tiny: 4 of 4 trials done, 0 running, ")


def test_watching_goes_on_between_two_trials_of_a_run_with_a_greater_total(
    trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def one_more_each_time(study: optuna.Study, *, importance: bool) -> Summary:
        nonlocal looks
        looks += 1
        summary = summarize(study, importance=importance)
        done = summary.counts.complete + min(looks, 3) - 1
        return replace(summary, counts=replace(summary.counts, complete=done, total=done + summary.counts.pruned))

    monkeypatch.setattr(watching, "INTERVAL_S", 0.01)
    monkeypatch.setattr(watching, "summarize", one_more_each_time)
    assert autotune("study", "show", "tiny", "--watch").code == 0
    assert looks == 4
