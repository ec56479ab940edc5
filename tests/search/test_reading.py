"""Commands that only look at studies change nothing of the database, and need no right to."""

import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

import optuna
import pytest
from autotune.search.storage import open_storage, reading
from autotune.search.storage.opening import holds_studies
from autotune.search.study import open_study
from autotune.spaces.errors import StorageError
from optuna.trial import TrialState

from .conftest import Command

pytestmark = pytest.mark.slow
URL = "sqlite:///autotune.db"
LOOKS = [
    ("doctor",),
    ("study", "list"),
    ("study", "show", "tiny"),
    ("study", "show", "study.yaml", "--watch"),
    ("study", "report", "tiny", "--json"),
    ("study", "export", "study.yaml"),
    ("study", "copy", "tiny", "--to", "sqlite:///copied/copy.db"),
    ("study", "plan", "study.yaml", "--devices", "cpu"),
]
LEAVE_IN_WAL_MODE = """
import os, sqlite3
connection = sqlite3.connect("autotune.db", isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("UPDATE study_user_attributes SET value_json = '9' WHERE key = 'total'")
os._exit(0)  # killed: what it wrote is in the log only
"""


def in_mode(file: Path, mode: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)


def databases(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of the database and of all that SQLite keeps beside it."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("autotune.db*")}


@pytest.fixture
def no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only disk; root, who runs tests in containers, has all rights anywhere else."""
    monkeypatch.setattr(reading, "may_write", lambda _: False)


@pytest.fixture
def read_only(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """The study on a disk that nobody can write."""
    mount = ["mount", "--bind", "-o", "ro", str(trained), str(trained)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    monkeypatch.chdir(trained)  # the working folder lay below the mount
    yield trained
    monkeypatch.chdir("/")
    subprocess.run(["umount", "-l", str(trained)], check=True)


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("look", LOOKS, ids=" ".join)
def test_looking_changes_nothing(trained: Path, autotune: Command, look: tuple[str, ...], mode: str) -> None:
    (trained / "copied").mkdir()
    in_mode(trained / "autotune.db", mode)
    before = databases(trained)
    outcome = autotune(*look)
    assert (outcome.code, outcome.err) == (0, "")
    assert databases(trained) == before
    assert list(before) == ["autotune.db"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_cannot_be_written_is_read(trained: Path, autotune: Command, mode: str, no_rights: None) -> None:
    in_mode(trained / "autotune.db", mode)
    before = databases(trained)
    assert "4 complete, 0 pruned, 0 failed, 0 running, of 4" in autotune("study", "show", "tiny").out
    assert autotune("study", "report", "tiny").code == 0
    assert databases(trained) == before


def test_a_disk_that_cannot_be_written(read_only: Path, autotune: Command) -> None:
    assert "4 complete, 0 pruned, 0 failed, 0 running, of 4" in autotune("study", "show", "tiny").out
    assert autotune("study", "report", "tiny").code == 0
    assert "the folder '.' cannot be written" in autotune("doctor", "--json").out
    outcome = autotune("study", "run", "tiny", "--trials", "5")
    assert outcome.code == 2
    assert "cannot be" in outcome.err


def test_what_a_killed_writer_left_in_the_log_is_read(trained: Path, autotune: Command) -> None:
    subprocess.run([sys.executable, "-c", LEAVE_IN_WAL_MODE], check=True)
    assert (trained / "autotune.db-wal").stat().st_size > 0
    assert "4 complete, 0 pruned, 0 failed, 0 running, of 9" in autotune("study", "show", "tiny").out


def test_it_is_read_while_another_process_writes(trained: Path) -> None:
    looker = open_study("tiny", URL, reading=True)
    with closing(sqlite3.connect("autotune.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE study_user_attributes SET value_json = '9' WHERE key = 'total'")
        assert looker.study.user_attrs["total"] == 4
        writer.execute("COMMIT")
        assert looker.study.user_attrs["total"] == 9
    study = optuna.load_study(study_name="tiny", storage=open_storage(URL, create=False))
    study.tell(study.ask(), state=TrialState.FAIL)
    assert len(looker.study.trials) == 5


def test_only_a_writer_opens_for_writing(trained: Path) -> None:
    for refused in (lambda study: study.ask(), lambda study: study.set_user_attr("total", 5)):
        with pytest.raises(optuna.exceptions.StorageInternalError):
            refused(open_study("tiny", URL, reading=True).study)
    with pytest.raises(StorageError, match="does not exist"):
        open_storage("sqlite:///other.db", create=False, reading=True)
    assert not (trained / "other.db").exists()


def test_a_file_that_cannot_even_be_read_is_refused_in_words(
    trained: Path, no_rights: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    for look in (holds_studies, partial(open_storage, create=False, reading=True)):
        with pytest.raises(StorageError, match="cannot be used: Permission denied"):
            look(URL)
