"""What every storage that `open_storage` opens must do. A new one is an entry in STORAGES."""

import math
import weakref
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import optuna
import pytest
from autotune.search.storage import open_storage
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from ..integration.forked import context

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-5, 5e-4, log=True),
    "layers": IntDistribution(0, 4),
    "aspect.on": CategoricalDistribution([True, False]),
}


STORAGES = ("sqlite", pytest.param("postgres", marks=pytest.mark.slow))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture(params=STORAGES)
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def study(url: str) -> optuna.Study:
    return optuna.create_study(study_name="Prüfung 评论", storage=open_storage(url, create=True), direction="maximize")


def plain(url: str) -> optuna.Study:
    """Open the study as Optuna alone does; its default driver is another one, which may not be installed."""
    storage = RDBStorage(url.replace("postgresql:", "postgresql+psycopg:"))
    weakref.finalize(storage, storage.engine.dispose)
    return optuna.load_study(study_name="Prüfung 评论", storage=storage)


@pytest.mark.slow
def test_what_was_written_is_read(url: str, study: optuna.Study):
    study.set_user_attr("Datei", {"größe": [1, 2.5, None, "评论"]})
    trial = study.ask(SPACE)
    reports = {22: 0.5, 44: math.nan, 66: math.inf, 88: -math.inf, 110: 0.1 + 0.2}
    for step, value in reports.items():
        trial.report(value, step)
    trial.set_user_attr("grund", "🙂 ok")
    study.tell(trial, 0.75)

    again = optuna.load_study(study_name=study.study_name, storage=open_storage(url, create=False))
    for reader in (again, plain(url)):
        [found] = reader.trials
        assert (found.state, found.value, found.params) == (TrialState.COMPLETE, 0.75, trial.params)
        assert found.intermediate_values == pytest.approx(reports, rel=0, abs=0, nan_ok=True)
        assert found.user_attrs == {"grund": "🙂 ok"}
        assert reader.user_attrs == {"Datei": {"größe": [1, 2.5, None, "评论"]}}


@pytest.mark.slow
@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.FAIL])
def test_a_trial_without_a_value(url: str, study: optuna.Study, state: TrialState):
    trial = study.ask(SPACE)
    study.tell(trial, state=state)
    assert [found.state for found in plain(url).trials] == [state]


def test_infinite_values(url: str, study: optuna.Study):
    for value in (math.inf, -math.inf):
        study.tell(study.ask(SPACE), value)
    assert [found.value for found in plain(url).trials] == [math.inf, -math.inf]


def test_a_running_trial_that_waits_again_is_asked_with_its_parameters(url: str, study: optuna.Study):
    storage = open_storage(url, create=False)
    trial = study.ask(SPACE)
    trial.report(0.5, 22)
    assert storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    again = study.ask(SPACE)
    assert (again.number, again.params) == (trial.number, trial.params)
    assert study.ask(SPACE).number == trial.number + 1
    study.tell(again, 1.0)
    assert plain(url).trials[0].intermediate_values == {22: 0.5}


def test_enqueued_trials_come_in_order_with_their_parameters(study: optuna.Study):
    for layers in (3, 1):
        study.enqueue_trial({"layers": layers})
    assert [study.ask(SPACE).params["layers"] for _ in range(2)] == [3, 1]


def test_a_name_that_exists_is_refused_by_optuna(url: str, study: optuna.Study):
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        optuna.create_study(study_name=study.study_name, storage=open_storage(url, create=True))


def make_and_ask(url: str, claims: int) -> list[int]:
    """Open (and perhaps make) the storage, then ask and tell; runs in a process of its own."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(url, create=True)
    study = optuna.load_study(study_name="Prüfung 评论", storage=storage, sampler=optuna.samplers.RandomSampler())
    numbers: list[int] = []
    for _ in range(claims):
        trial = study.ask(SPACE)
        trial.report(0.1, 1)
        study.tell(trial, float(trial.number))
        numbers.append(trial.number)
    return numbers


def read_all(url: str, times: int) -> int:
    """Look on as plain Optuna (and its dashboard) does, while others write."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return max(len(plain(url).trials) for _ in range(times))


@pytest.mark.slow
def test_eight_processes_share_a_study(url: str, study: optuna.Study):
    """Half of 80 trials enqueued: Optuna's own SQLite settings claim 4 to 11 of them twice."""
    for number in range(40):
        study.enqueue_trial({"layers": number % 5})
    with ProcessPoolExecutor(9, mp_context=context()) as pool:
        reader = pool.submit(read_all, url, 10)
        claims = [pool.submit(make_and_ask, url, 10) for _ in range(8)]
        numbers = [number for claim in claims for number in claim.result()]
        assert reader.result() >= 40
    assert sorted(numbers) == list(range(80))
    trials = plain(url).trials
    assert [(trial.state, trial.value) for trial in trials] == [(TrialState.COMPLETE, float(n)) for n in range(80)]
    assert all(set(trial.params) == set(SPACE) for trial in trials)


def open_and_create(url: str, name: str) -> str:
    return optuna.create_study(study_name=name, storage=open_storage(url, create=True)).study_name


@pytest.mark.slow
def test_eight_processes_make_the_database_at_once(url: str):
    names = [f"study {number}" for number in range(8)]
    with ProcessPoolExecutor(8, mp_context=context()) as pool:
        assert sorted(pool.map(open_and_create, [url] * 8, names)) == names
    assert sorted(study.study_name for study in open_storage(url, create=False).get_all_studies()) == names
