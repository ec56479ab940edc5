"""`autotune study delete` while others are at work: refused, or said in words to whoever loses the study."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from autotune.search import running
from autotune.search.cli import stored, watching
from autotune.search.creation import create_study
from autotune.search.preparing import prepare_study
from autotune.search.report.live import PlainLines
from autotune.search.study import StudyRecord, delete_study, open_study
from autotune.search.study_file.reading import read_study_file
from autotune.spaces.errors import StudyError

from .conftest import Command, Outcome

URL = "sqlite:///autotune.db"
GONE = "the study 'tiny' was deleted by another process\n"


def deleted() -> None:
    """As somebody does who uses Optuna itself, or a moment in which no trial runs."""
    optuna.delete_study(study_name="tiny", storage=URL)


def hook(patch: pytest.MonkeyPatch, owner: object, name: str, before: Callable[[], None]) -> None:
    original = getattr(owner, name)

    def hooked(*arguments: object, **named: object) -> object:
        before()
        return original(*arguments, **named)

    patch.setattr(owner, name, hooked)


@pytest.fixture
def run(folder: Path, autotune: Command) -> Callable[[], Outcome]:
    assert autotune("study", "create", "study.yaml").code == 0
    return lambda: autotune("study", "run", "tiny", "--devices", "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["prepare_study", "_done_already", "_with_search"])
def test_a_run_that_prepares(run: Callable[[], Outcome], monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    hook(monkeypatch, running, moment, lambda: delete_study("tiny", URL))
    outcome = run()
    assert (outcome.code, outcome.err) == (2, GONE)


@pytest.mark.slow
@pytest.mark.parametrize("event", ["began", "started", "evaluated", "completed"])
def test_a_run_that_trains(run: Callable[[], Outcome], monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    hook(monkeypatch, PlainLines, event, deleted)
    outcome = run()
    assert (outcome.code, outcome.err) == (2, GONE)


@pytest.mark.slow
def test_a_study_with_a_running_trial_is_not_deleted(
    run: Callable[[], Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []

    def attempt() -> None:
        with pytest.raises(StudyError) as error:
            delete_study("tiny", URL)
        refused.append(str(error.value))

    hook(monkeypatch, PlainLines, "evaluated", attempt)
    assert run().code == 0
    assert set(refused) == {"another `autotune study` command is already using 'tiny'"}


@pytest.mark.slow
def test_a_study_that_was_made_anew_of_other_settings(
    run: Callable[[], Outcome], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remade() -> None:
        delete_study("tiny", URL)
        changed = (folder / "study.yaml").read_text("utf-8").replace("epochs: 2", "epochs: 3")
        (folder / "other.yaml").write_text(changed, "utf-8")
        file = read_study_file(folder / "other.yaml")
        create_study(file, folder / "other.yaml", URL, prepare_study(file, folder))

    hook(monkeypatch, running, "prepare_study", remade)
    outcome = run()
    assert outcome.code == 2
    assert "was deleted meanwhile, and recreated" in outcome.err
    assert all(trial.state.name == "WAITING" for trial in open_study("tiny", URL).study.trials)


def test_the_other_of_two_deletes_finds_nothing(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autotune.search import study

    hook(monkeypatch, study, "only_one", deleted)
    with pytest.raises(StudyError, match="no study 'tiny' in"):
        delete_study("tiny", URL)


@pytest.mark.slow
def test_who_looks_on_is_told(run: Callable[[], Outcome], autotune: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "INTERVAL_S", 0.01)
    hook(monkeypatch, watching, "tell", deleted)
    outcome = autotune("study", "show", "tiny", "--watch")
    assert (outcome.code, outcome.err) == (2, GONE)


@pytest.mark.parametrize(("owner", "moment"), [(stored, "summarize"), (optuna, "load_study")])
def test_a_list_leaves_out_what_is_deleted_meanwhile(
    trained: Path, autotune: Command, monkeypatch: pytest.MonkeyPatch, owner: object, moment: str
) -> None:
    with monkeypatch.context() as patch:
        hook(patch, owner, moment, deleted)
        outcome = autotune("study", "list")
    assert (outcome.code, outcome.err) == (0, "")
    assert "tiny" not in outcome.out


def test_another_key_error_is_not_hidden(trained: Path) -> None:
    from autotune.search.study import while_stored

    record: StudyRecord = open_study("tiny", URL)
    with pytest.raises(KeyError, match="a mistake of ours"), while_stored(record):
        raise KeyError("a mistake of ours")
