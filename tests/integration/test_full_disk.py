"""The disk of the database fills up in mid-study: a clear end, a readable study, and the same command goes on."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from autotune.search.writing import write_text
from autotune.spaces.errors import AutotuneError
from optuna.trial import TrialState

from .commands import ENDED, TOTAL, check_whole, finish, start, study_in, wait_for

pytestmark = pytest.mark.slow

QUOTA = """
import sys
from sqlalchemy import Engine, event
from autotune.search.cli.main import main
event.listen(Engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = {pages}"))
main()
"""

LIMIT = """
import resource
from autotune.search.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY))
main()
"""
"""SQLite cannot tell a limit of the size of files from a disk that fails: both are I/O errors."""


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """The study's folder on a file system of its own, of one megabyte."""
    with tempfile.TemporaryDirectory() as place:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
        if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True, check=False).returncode:
            pytest.skip("no file system may be mounted here: that is root's right")
        try:
            for name in ("study.yaml", "reviews.csv"):
                shutil.copy(folder / name, place)
            yield Path(place)
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def filled(place: Path) -> Path:
    """A file that takes all the room there is."""
    file = place / "filler"
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            return file


def check_ended_in_words(code: int, err: str) -> None:
    assert (code, "Traceback" in err) == (1, False), err
    assert "autotune.db: cannot be written: the disk is full" in err
    assert "the same command resumes" in err


def test_a_full_file_system(small_disk: Path) -> None:
    with start(small_disk, "run", "study.yaml") as process:
        wait_for(process, "trial 2 started")
        filler = filled(small_disk)
        _, err = process.communicate(timeout=120)
    check_ended_in_words(process.returncode, err)
    assert "of 6 in all" in finish(small_disk, "report", "tiny")  # the disk is still full
    filler.unlink()
    finish(small_disk, "run", "study.yaml")
    check_whole(small_disk)


def test_a_quota(folder: Path) -> None:
    finish(folder, "create", "study.yaml")
    pages = (folder / "autotune.db").stat().st_size // 4096 + 1
    with start(folder, "run", "tiny", script=QUOTA.format(pages=pages)) as process:
        _, err = process.communicate(timeout=120)
    check_ended_in_words(process.returncode, err)
    told = finish(folder, "show", "tiny")  # while the quota still holds for whoever writes
    assert f"of {TOTAL}" in told
    assert any(trial.state not in ENDED for trial in study_in(folder).trials)
    finish(folder, "run", "tiny")
    assert all(trial.state is not TrialState.FAIL for trial in check_whole(folder))


def test_a_file_that_finds_no_room_is_no_wrong_input(small_disk: Path) -> None:
    filled(small_disk)
    with pytest.raises(AutotuneError, match=r"page.html: cannot be written: No space left on device") as caught:
        write_text(small_disk / "page.html", "<!doctype html>" * 1000)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (QUOTA.format(pages=20), "cannot be written: the disk is full"),
        (LIMIT.format(size=20 * 4096), "the disk cannot be read or written (I/O error)"),
    ],
    ids=["full", "failing"],
)
def test_a_disk_that_has_no_room_for_a_study_is_no_wrong_input(folder: Path, script: str, words: str) -> None:
    with start(folder, "create", "study.yaml", script=script) as process:
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (1, f"sqlite:///autotune.db: {words}\n")
    finish(folder, "create", "study.yaml")
