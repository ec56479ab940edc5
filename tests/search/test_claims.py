"""Several tuners at one study: real processes, a real death."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
import pytest
from autotune.objectives.training.failure import FailureKind
from autotune.search.claims import Claims
from autotune.search.owners import started_at
from autotune.search.roles import DEATHS, FAILURE, OWNER, REACHED
from autotune.search.storage import open_storage
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from ..integration.forked import context


def claim(url: str, total: int, line: Connection) -> None:
    """A tuner that claims and tells until so many trials are begun, and sends their numbers. A single one it keeps."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(url, create=False)
    study = optuna.load_study(study_name="shared", storage=storage, sampler=optuna.samplers.RandomSampler())
    claims = Claims(study, storage, url)
    mine: list[int] = []
    while True:
        with claims.lock():
            if len(claims.trials(TrialState.COMPLETE, TrialState.RUNNING)) >= total:
                break
            trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
            claims.mark_owner(trial)
        mine.append(trial.number)
        if total == 1:
            line.send(mine)
            time.sleep(600)
        study.tell(trial, trial.params["x"])
    line.send(mine)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def study(url: str) -> Iterator[optuna.Study]:
    storage = open_storage(url, create=True)
    yield optuna.create_study(study_name="shared", storage=storage)
    storage.engine.dispose()


def claims_of(study: optuna.Study, url: str, **settings: float) -> Claims:
    storage = open_storage(url, create=False)
    return Claims(optuna.load_study(study_name=study.study_name, storage=storage), storage, url, **settings)  # pyright: ignore[reportArgumentType]


def elsewhere(claims: Claims) -> Claims:
    """The same on another machine, whose processes nobody here can see."""
    claims._owner |= {"host": "elsewhere"}
    return claims


def start(url: str, total: int) -> tuple[BaseProcess, Any]:
    here, there = context().Pipe()
    process = context().Process(target=claim, args=(url, total, there))
    process.start()
    there.close()
    return process, here


@pytest.mark.slow
def test_twenty_four_claimants_take_each_trial_once(study: optuna.Study, url: str) -> None:
    for place in range(36):
        study.enqueue_trial({"x": place / 36})
    claimants = [start(url, 72) for _ in range(24)]
    claimed = [number for _, line in claimants for number in line.recv()]
    for process, _ in claimants:
        process.join(300)
        assert process.exitcode == 0
    assert sorted(claimed) == list(range(72))
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 72


def killed_claim(url: str) -> None:
    process, line = start(url, 1)
    assert len(line.recv()) == 1
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.slow
def test_a_trial_of_a_killed_tuner_is_queued_at_once_and_fails_after_its_retries(study: optuna.Study, url: str) -> None:
    claims = claims_of(study, url, retries=1)
    states: list[TrialState] = []
    for _ in range(2):
        killed_claim(url)
        claims.reap(())
        states.append(study.trials[0].state)
    assert states == [TrialState.WAITING, TrialState.FAIL]
    failure = study.trials[0].user_attrs[FAILURE]
    assert failure["kind"] == FailureKind.CRASHED
    assert "; 2 attempts failed" in failure["message"]
    assert len(study.trials) == 1


@pytest.mark.slow
def test_a_living_tuners_trial_is_left_alone_until_its_heart_stops(study: optuna.Study, url: str) -> None:
    owner, other = elsewhere(claims_of(study, url)), claims_of(study, url, grace_s=1.0)
    trial = owner.study.ask()
    owner.mark_owner(trial)
    other.reap(())
    assert (owner.is_mine(0), other.is_at_work()) == (True, True)
    begun = time.monotonic()
    while study.trials[0].state is TrialState.RUNNING:  # the database's clock ticks in seconds
        assert time.monotonic() - begun < 30
        time.sleep(0.1)
        other.reap(())
    assert time.monotonic() - begun > 0.9
    assert study.trials[0].state is TrialState.WAITING
    assert not owner.is_mine(0)
    assert not other.is_at_work()


@pytest.mark.slow
def test_beating_keeps_a_trial(study: optuna.Study, url: str) -> None:
    owner, other = elsewhere(claims_of(study, url, interval_s=0.2)), claims_of(study, url, grace_s=1.5)
    owner.mark_owner(owner.study.ask())
    with owner.beating():
        begun = time.monotonic()
        while time.monotonic() - begun < 3:  # twice the grace
            other.reap(())
            assert owner.is_mine(0)
            time.sleep(0.1)


@pytest.mark.slow
def test_a_file_that_was_away_for_a_moment_stops_no_heart(study: optuna.Study, url: str, tmp_path: Path) -> None:
    owner, other = elsewhere(claims_of(study, url, interval_s=0.2)), claims_of(study, url, grace_s=1.5)
    owner.mark_owner(owner.study.ask())
    with owner.beating():
        (tmp_path / "studies.db").rename(tmp_path / "away.db")
        time.sleep(0.6)
        (tmp_path / "away.db").rename(tmp_path / "studies.db")
        time.sleep(2.0)
        other.reap(())
        assert owner.is_mine(0)


@pytest.mark.slow
def test_when_a_database_was_away_each_tuner_has_its_grace_to_beat_again(
    study: optuna.Study, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = elsewhere(claims_of(study, url)), claims_of(study, url, interval_s=0.1, grace_s=2.0)
    owner.mark_owner(owner.study.ask())

    def away(_: Iterable[int]) -> None:
        raise OperationalError("INSERT", {}, OSError("no route to host"))

    with monkeypatch.context() as patched, other.beating():
        patched.setattr(other.heartbeat, "beat", away)
        time.sleep(3.5)
        other.reap(())
        assert owner.is_mine(0)
        patched.undo()
        time.sleep(0.5)
        other.reap(())
        assert owner.is_mine(0)
        time.sleep(2.5)  # and it did not
        other.reap(())
        assert not owner.is_mine(0)


@pytest.mark.slow
def test_a_tuner_of_this_machine_that_lives_keeps_its_trial_without_a_heartbeat(study: optuna.Study, url: str) -> None:
    """Its heart stops with the machine's sleep, and while somebody holds the file."""
    owner, other = claims_of(study, url), claims_of(study, url, grace_s=0.0)
    owner._owner |= {"pid": os.getppid(), "started": started_at(os.getppid())}
    owner.mark_owner(owner.study.ask())
    time.sleep(1.1)
    other.reap(())
    assert owner.is_mine(0)


def test_no_trial_has_an_owner_before_it_has_a_heartbeat(
    study: optuna.Study, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere it would seem alive for ever."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    claims = claims_of(study, url)
    monkeypatch.setattr(claims.storage, "record_heartbeat", killed)
    with pytest.raises(KeyboardInterrupt):
        claims.mark_owner(claims.study.ask())
    assert OWNER not in study.trials[0].user_attrs


def test_each_new_rung_starts_the_count_of_deaths_anew(study: optuna.Study, url: str) -> None:
    """Of several objectives Optuna takes no reports; the tuner marks how far a trial came."""
    other = claims_of(study, url, retries=1, grace_s=-1.0)
    for reached in (10, 20, 30):
        owner = elsewhere(claims_of(study, url))
        trial = owner.study.ask()
        owner.mark_owner(trial)
        trial.set_user_attr(REACHED, reached)
        other.reap(())
        assert study.trials[0].state is TrialState.WAITING
        assert study.trials[0].user_attrs[DEATHS][:2] == [1, reached]
    owner = elsewhere(claims_of(study, url))
    trial = owner.study.ask()
    owner.mark_owner(trial)
    trial.set_user_attr(REACHED, 20)  # it was told again from its checkpoint on, and died
    other.reap(())
    assert study.trials[0].user_attrs[DEATHS][:2] == [2, 30]
    assert study.trials[0].state is TrialState.FAIL


def test_one_death_counts_once_though_the_server_died_before_the_state_was_told(
    study: optuna.Study, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = elsewhere(claims_of(study, url)), claims_of(study, url, retries=1, grace_s=-1.0)
    owner.mark_owner(owner.study.ask())

    def gone(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("the server is gone"))

    with monkeypatch.context() as patch:
        patch.setattr(other.storage, "set_trial_state_values", gone)
        with pytest.raises(OperationalError):
            other.reap(())
    owned = study.trials[0].user_attrs
    assert owned[DEATHS][:2] == [1, 0]
    other.reap(())
    assert study.trials[0].user_attrs[DEATHS][:2] == [1, 0]
    assert study.trials[0].state is TrialState.WAITING


@pytest.mark.slow
def test_a_tuner_that_had_to_wait_for_the_storage_gives_others_their_grace(study: optuna.Study, url: str) -> None:
    owner, other = elsewhere(claims_of(study, url)), claims_of(study, url, grace_s=0.5)
    owner.mark_owner(owner.study.ask())
    time.sleep(2.1)  # SQLite's clock has whole seconds
    other.heartbeat.distrust()
    other.reap(())
    assert study.trials[0].state is TrialState.RUNNING
    time.sleep(0.6)
    other.reap(())
    assert study.trials[0].state is TrialState.WAITING


def test_a_trial_that_was_given_back_is_nobodys_until_it_is_claimed_anew(study: optuna.Study, url: str) -> None:
    """Whoever asks for it may die before it says who it is, while the tuner before it lives on."""
    first = claims_of(study, url)
    first.mark_owner(study.ask())
    with first.lock():
        first.release()
    assert study.trials[0].state is TrialState.WAITING
    study.ask()
    assert study.trials[0].state is TrialState.RUNNING
    claims_of(study, url).reap(())
    assert study.trials[0].state is TrialState.WAITING


def test_a_claim_that_was_cut_short_is_nobodys(study: optuna.Study, url: str) -> None:
    study.ask()
    claims_of(study, url).reap(())
    assert study.trials[0].state is TrialState.WAITING
    assert study.trials[0].user_attrs[OWNER] is None if OWNER in study.trials[0].user_attrs else True


def test_a_process_that_is_gone_has_no_start(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(timeout=60)
    assert started_at(os.getpid()) is not None
    assert started_at(process.pid) is None
