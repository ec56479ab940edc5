"""A real PostgreSQL server: two tuners on one study, and a server that goes away in the middle."""

import threading
import time
from typing import Any

import optuna
import pytest
from autotune.search.claims import Claims
from autotune.search.executors.inline import InlineExecutor
from autotune.search.interruption import Interruption
from autotune.search.locking import claiming, only_one
from autotune.search.report.live import PlainLines
from autotune.search.scoring import Scoring
from autotune.search.storage import open_storage, patiently, timeouts
from autotune.search.tuner import Budget, Ending, Tuner
from autotune.spaces.errors import StudyError, StudyHeld
from optuna.trial import TrialState
from rich.console import Console
from sqlalchemy import NullPool, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from .stepping import SPACE, SteppingTrainer

pytestmark = pytest.mark.slow


def made(url: str) -> optuna.Study:
    return optuna.create_study(study_name="shared", storage=open_storage(url, create=True), direction="maximize")


def run(url: str, total: int) -> Ending:
    storage = open_storage(url, create=False)
    study = optuna.load_study(study_name="shared", storage=storage, sampler=optuna.samplers.RandomSampler())
    observer, scoring = PlainLines(Console(quiet=True), is_race=True), Scoring(["accuracy"])
    with InlineExecutor(SteppingTrainer(lambda _: time.sleep(0.05))) as executor:
        tuner = Tuner(Claims(study, storage, url), SPACE, executor, observer, scoring, 3, Budget())
        return tuner.run(total, Interruption())


def started(url: str, total: int, endings: list[Ending]) -> threading.Thread:
    thread = threading.Thread(target=lambda: endings.append(run(url, total)))
    thread.start()
    return thread


def test_two_tuners_share_the_total(postgres_url: str) -> None:
    study = made(postgres_url)
    endings: list[Ending] = []
    for thread in [started(postgres_url, 20, endings) for _ in range(2)]:
        thread.join()
    assert endings == [Ending.DONE] * 2
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 20
    assert len({trial.user_attrs["owner"]["token"] for trial in study.trials}) == 2


def test_heartbeats_are_of_one_time_whatever_zone_a_host_is_in(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(postgres_url)
    ages: list[float] = []
    for zone in ("Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("PGTZ", zone)
        storage = open_storage(postgres_url, create=False)
        claims = Claims(optuna.load_study(study_name="shared", storage=storage), storage, postgres_url)
        claims.mark_owner(claims.study.ask())
        ages += claims.heartbeat.ages().values()
    assert len(ages) == 3
    assert all(0 <= age < 60 for age in ages)


@pytest.mark.parametrize("table", ["studies", "trials", "trial_params", "trial_user_attributes"])
def test_a_connection_that_dies_while_trials_are_read_is_waited_for(postgres_url: str, table: str) -> None:
    """Optuna asks again in the transaction that died, and SQLAlchemy refuses that in words of its own."""
    storage = open_storage(postgres_url, create=True)
    study = optuna.create_study(study_name="shared", storage=storage)
    for _ in range(3):
        study.tell(study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), 1.0)
    study.ask()
    claims = Claims(study, storage, postgres_url)
    admin = create_engine(storage.engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    killed: list[int] = []

    def kill(connection: Any, _cursor: object, statement: str, *_: object) -> None:  # noqa: ANN401
        if f"FROM {table}" in statement.replace("\n", " ") and not killed:
            killed.append(connection.connection.dbapi_connection.info.backend_pid)
            with admin.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": killed[0]})
            time.sleep(0.3)

    event.listen(storage.engine, "before_cursor_execute", kill)
    said: list[str] = []
    assert len(patiently(claims.trials, 20, said.append)) == 4
    assert killed
    assert len(said) == 2


def test_a_host_that_vanishes_while_it_claims_lets_go(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection stays as it is: the server would look for it after two hours."""
    monkeypatch.setattr(timeouts, "RUNNING_S", 1.0)
    began = time.monotonic()
    vanished = claiming("shared", postgres_url)
    vanished.__enter__()
    monkeypatch.setattr(timeouts, "RUNNING_S", 30.0)
    with claiming("shared", postgres_url):
        assert 1.0 < time.monotonic() - began < 20.0
    with pytest.raises(SQLAlchemyError):
        vanished.__exit__(None, None, None)


def test_who_holds_a_study_for_long_may(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a copy of thousands of trials does, or deleting them."""
    monkeypatch.setattr(timeouts, "RUNNING_S", 0.5)
    with only_one("shared", postgres_url), claiming("shared", postgres_url, for_long=True):
        time.sleep(3.0)
        with pytest.raises(StudyError, match="already using 'shared'"), only_one("shared", postgres_url):
            pass
        with pytest.raises(StudyHeld, match="held by another process"), claiming("shared", postgres_url):
            pass


def test_a_server_that_restarts_is_waited_for(postgres: Any, postgres_url: str) -> None:  # noqa: ANN401
    study = made(postgres_url)
    endings: list[Ending] = []
    thread = started(postgres_url, 30, endings)
    while sum(trial.state.is_finished() for trial in study.trials) < 3:
        time.sleep(0.05)
    postgres.stop()
    try:
        time.sleep(20)
        assert thread.is_alive()
    finally:
        postgres.start()
    thread.join(timeout=120)
    assert endings == [Ending.DONE]
    trials = optuna.load_study(study_name="shared", storage=open_storage(postgres_url, create=False)).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 30
    assert all(list(trial.intermediate_values) == [1, 2, 3] for trial in trials)
    assert study.study_name == "shared"
