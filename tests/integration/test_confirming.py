"""`study confirm` in processes of its own: killed, shared, over workers; the fresh scores are always the same."""

import shutil
import signal
from pathlib import Path

import pytest
from autotune.search.confirmation.ledger import Ledger, key_of_trial
from autotune.search.confirmation.reading import read_confirmation
from autotune.search.confirmation.result import Confirmed
from autotune.search.study import open_study
from optuna.trial import TrialState

from .commands import finish, prepared, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CONFIRM = ("confirm", "study.yaml", "--seeds", "2", "--candidates", "1", "--devices")


@pytest.fixture(scope="module")
def searched_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that is run to its end."""
    folder = tmp_path_factory.mktemp("searched")
    rows = [
        f"The {thing} of {number} is {word}.,{label},{thing}"
        for label, words in {"positive": ("superb", "flawless"), "negative": ("awful", "poor")}.items()
        for word in words
        for number, thing in enumerate(("battery", "screen", "price", "speaker", "camera", "delivery"))
    ]
    (folder / "reviews.csv").write_text("\n".join(["text,label,aspect", *rows, ""]), encoding="utf-8")
    finish(prepared(folder / "reviews.csv"), "run", "study.yaml", "--executor", "inline")
    return folder


@pytest.fixture
def folder(searched_once: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return shutil.copytree(searched_once, tmp_path / "study")


def confirmed(folder: Path) -> Confirmed:
    """What is there, after a check that every training is there once and ended."""
    record = open_study("tiny", f"sqlite:///{folder / 'autotune.db'}")
    ledger, found = Ledger.of(record), read_confirmation(record)
    assert ledger is not None
    assert found is not None
    keys = [key_of_trial(trial) for trial in ledger.trials()]
    assert len(set(keys)) == len(keys)
    assert {trial.state for trial in ledger.trials()} == {TrialState.COMPLETE}
    return found


def scores(found: Confirmed) -> dict[str, dict[int, float]]:
    return {arm.name: dict(arm.scores) for arm in found.arms}


def test_killed_and_gone_on_with_over_workers_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    finish(folder, *CONFIRM, "cpu", "--executor", "inline")
    for _ in range(2):
        with start(other, *CONFIRM, "cpu:2", forks=True) as process:
            wait_for(process, "complete:")
            process.kill()
    finish(other, *CONFIRM, "cpu:2", forks=True)
    one, two = confirmed(folder), confirmed(other)
    assert scores(one) == scores(two)
    assert one.effects == two.effects
    assert one.verdict is not None
    assert two.verdict is not None
    assert one.verdict.winner == two.verdict.winner


def test_two_commands_share_the_trainings(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    finish(folder, *CONFIRM, "cpu", "--executor", "inline")
    commands = [start(other, *CONFIRM, "cpu:1", forks=True) for _ in range(2)]
    with commands[0] as one, commands[1] as two:
        said = [process.communicate(timeout=300) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], said
    assert all("complete:" in out for out, _ in said)
    assert scores(confirmed(other)) == scores(confirmed(folder))


def test_ctrl_c_is_130_and_the_same_command_goes_on(folder: Path) -> None:
    with start(folder, *CONFIRM, "cpu", "--executor", "inline") as process:
        wait_for(process, "complete:")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "resume with: autotune study confirm study.yaml" in out
    report = finish(folder, "report", "tiny")
    assert "missing, so this may change" in " ".join(report.split())
    finish(folder, *CONFIRM, "cpu", "--executor", "inline")
    assert confirmed(folder).missing == 0
