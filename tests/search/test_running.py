"""One run of a study, called as a library."""

import errno
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from autotune.search import running
from autotune.search.checkpoint_folder import checkpoint_folder
from autotune.search.executors.choosing import make_executor
from autotune.search.executors.executor import Executor
from autotune.search.executors.placement import Placement
from autotune.search.locking import only_one
from autotune.search.report.live import PlainLines
from autotune.search.running import _with_search, run_study
from autotune.search.study import StudyRecord, open_study
from autotune.search.threads import threads_of
from autotune.search.tuner import Ending, Tuner
from autotune.spaces.errors import InputError, StudyError
from filelock import FileLock
from optuna.trial import TrialState
from rich.console import Console


@pytest.fixture
def record(trained: Path) -> StudyRecord:
    found = open_study("tiny", "sqlite:///autotune.db")
    return StudyRecord(found.study, found.storage, found.url, found.file, trained / "study.yaml")


@pytest.fixture
def observer() -> PlainLines:
    return PlainLines(Console(quiet=True), is_race=True)


def test_a_lock_is_the_same_however_the_storage_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    with only_one("tiny", "sqlite:///a.db"):
        for url in (f"sqlite:///{tmp_path / 'a.db'}", "sqlite:///inner/../a.db"):
            with pytest.raises(StudyError, match="is already using 'tiny'"), only_one("tiny", url):
                pass
        with only_one("other", "sqlite:///a.db"), only_one("tiny", "sqlite:///b.db"):
            pass
    with only_one("tiny", "sqlite:///a.db"):
        pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with pytest.raises(ZeroDivisionError), only_one("tiny", url):
        raise ZeroDivisionError
    with only_one("tiny", url):
        pass


def test_what_comes_before_the_trials_is_in_the_timeout(record: StudyRecord, observer: PlainLines) -> None:
    """As the generation of augmented rows, or the creation of the study by the same command."""
    there = len(record.study.trials)
    long_ago = time.monotonic() - 100
    run = partial(run_study, record, observer, trials=there + 1, timeout_s=50.0)
    assert run(began=long_ago, placement=Placement("cpu")) is Ending.TIMEOUT
    assert len(record.study.trials) == there
    assert run(placement=Placement("cpu")) is Ending.DONE


def test_a_later_run_trains_with_the_threads_of_the_first(
    record: StudyRecord, observer: PlainLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[int]()

    def trained(*_: object) -> Ending:
        seen.append(torch.get_num_threads())
        return Ending.TIMEOUT

    monkeypatch.setattr(Tuner, "run", trained)
    usual = torch.get_num_threads()
    assert record.study.user_attrs["threads"] == usual
    record.study.set_user_attr("threads", usual + 1)  # as if the first had been on a machine with more cores
    run_study(record, observer, trials=9, placement=Placement("cpu"))
    assert seen == [usual + 1]
    assert (torch.get_num_threads(), record.study.user_attrs["threads"]) == (usual, usual + 1)


OTHER = """
import sys
from autotune.search.study import open_study
from autotune.search.threads import keep_threads

print(keep_threads(open_study("tiny", "sqlite:///autotune.db").study, "sqlite:///autotune.db", int(sys.argv[1])))
"""


@pytest.mark.slow
def test_of_runs_that_start_at_once_the_first_decides_on_the_threads(
    record: StudyRecord, observer: PlainLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, as if on a machine with more cores, is done with its choice while this one still chooses."""
    usual, seen = torch.get_num_threads(), list[int]()
    command = [sys.executable, "-c", OTHER, str(usual + 1)]

    def chosen(*given: Any) -> Executor:  # noqa: ANN401
        executor = make_executor(*given)
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert int(told) == usual + 1
        return executor

    def trained(*_: object) -> Ending:
        seen.append(torch.get_num_threads())
        return Ending.TIMEOUT

    monkeypatch.setattr(running, "make_executor", chosen)
    monkeypatch.setattr(Tuner, "run", trained)
    record.study.set_user_attr("threads", None)
    run_study(record, observer, trials=9, placement=Placement("cpu"))
    assert (seen, torch.get_num_threads(), threads_of(record.study)) == ([usual + 1], usual, usual + 1)


@pytest.mark.slow
def test_orphans_are_trained_even_where_the_total_is_reached(record: StudyRecord, observer: PlainLines) -> None:
    """A run with a greater total was killed; the study's own total is reached."""
    orphan = record.study.ask(record.file.search_space().distributions)
    ending = run_study(record, observer, placement=Placement("cpu"))
    assert ending is Ending.DONE
    assert record.study.trials[orphan.number].state == TrialState.WAITING
    assert run_study(record, observer, trials=5, placement=Placement("cpu")) is Ending.DONE
    assert [trial.state for trial in record.study.trials] == [TrialState.COMPLETE] * 5


@pytest.mark.slow
def test_trials_of_a_resumed_run_are_others(record: StudyRecord, observer: PlainLines) -> None:
    """The sampler is made anew, with random numbers that depend on what was begun."""
    run_study(record, observer, trials=5, placement=Placement("cpu"))
    run_study(record, observer, trials=6, placement=Placement("cpu"))
    rates = [trial.params["learning_rate"] for trial in record.study.trials]
    assert len(set(rates[2:])) == len(rates[2:])


@pytest.mark.slow
def test_plain_optuna_looks_on_while_a_run_is_at_work(record: StudyRecord) -> None:
    seen: list[int] = []
    errors: list[Exception] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                seen.append(len(optuna.load_study(study_name="tiny", storage="sqlite:///autotune.db").trials))
            except optuna.exceptions.StorageInternalError as error:
                errors.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        ending = run_study(
            record, PlainLines(Console(quiet=True), is_race=True), trials=6, placement=Placement("cpu", 2)
        )
    finally:
        over.set()
        reader.join()
    assert ending is Ending.DONE
    assert seen
    assert not errors
    study = optuna.load_study(study_name="tiny", storage="sqlite:///autotune.db")
    assert study.best_trial.state == TrialState.COMPLETE
    assert len(study.trials_dataframe()) == 6


@pytest.mark.slow
def test_a_run_after_one_that_came_to_nothing_draws_other_numbers(record: StudyRecord) -> None:
    """Trials that were given back wait again, as if nothing had begun."""
    known = len(record.study.trials)
    for count in (3, 6, 9):  # those that wait come first
        study = _with_search(record, 2, [2, 4], 20)
        asked = [study.ask(record.file.search_space().distributions) for _ in range(count)]
        for trial in asked:
            record.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    rates = [trial.params["learning_rate"] for trial in record.study.trials[known:]]
    assert len(set(rates)) == len(rates) == 9


def test_a_lock_of_another_user_is_a_mistake_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refused)
    with (
        pytest.raises(InputError, match=r"\.lock: cannot be locked \(Permission denied\)"),
        only_one("tiny", f"sqlite:///{tmp_path / 'a.db'}"),
    ):
        pass


def test_checkpoints_of_two_servers_are_apart() -> None:
    places = {checkpoint_folder("tiny", f"postgresql://me@{host}/autotune") for host in ("dev", "prod", "prod:5433")}
    assert len(places) == 3
