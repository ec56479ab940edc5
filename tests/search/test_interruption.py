import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from autotune.search.interruption import interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_is_a_request_and_twice_is_now(number: signal.Signals) -> None:
    said: list[str] = []
    with interruption(said.append) as found:
        assert not found.requested
        os.kill(os.getpid(), number)
        assert found.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert said == ["stopping after this rung; press Ctrl-C again to stop now"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_nothing_would_end_soon_once_is_now(number: signal.Signals) -> None:
    said: list[str] = []
    with interruption(said.append) as found:
        with pytest.raises(KeyboardInterrupt), found.at_once():
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert found.requested
        with pytest.raises(KeyboardInterrupt), found.at_once():
            pytest.fail("whoever asked before need not ask again")
    assert len(said) == 1


TOLD = "stopping after this rung; press Ctrl-C again to stop now"
WAITING = """
import os, sqlite3, sys
from autotune.search.interruption import interruption

def say(text):
    os.write(1, f"{text}\\n".encode())  # whole, whichever of two threads says it

with interruption(say):
    connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
    try:
        say("waits")
        connection.execute("BEGIN IMMEDIATE")
        say("goes on")
    except KeyboardInterrupt:
        say("ends")
"""


@pytest.mark.parametrize(
    ("signals", "end"),
    [
        ([signal.SIGINT], "goes on"),
        ([signal.SIGINT, signal.SIGINT], "ends"),
        ([signal.SIGTERM, signal.SIGINT], "ends"),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], "ends"),
    ],
)
def test_each_signal_counts_while_sqlite_holds_the_thread(
    tmp_path: Path, signals: list[signal.Signals], end: str
) -> None:
    file = tmp_path / "held.db"
    command = [sys.executable, "-c", WAITING, str(file)]
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as holder,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        holder.execute("BEGIN IMMEDIATE")
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        for number in signals:
            time.sleep(0.2)
            process.send_signal(number)
        time.sleep(0.2)
        holder.execute("ROLLBACK")
        out, err = process.communicate(timeout=60)
    assert (sorted(out.splitlines()), err) == (sorted([TOLD, end]), "")


class Interrupted(io.RawIOBase):
    """A pipe; Ctrl-C comes while something is written to it for the first time."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401
        if not self.written:
            os.kill(os.getpid(), signal.SIGINT)
        self.written += bytes(data)
        return len(data)


def test_a_signal_in_the_middle_of_a_print_is_told_after_it() -> None:
    pipe = Interrupted()
    stream = io.TextIOWrapper(io.BufferedWriter(pipe), encoding="utf-8")
    with interruption(lambda text: print(text, file=stream, flush=True)) as found:
        print("trial 3 step 44", file=stream, flush=True)
        assert found.requested
    assert pipe.written.decode().splitlines() == [
        "trial 3 step 44",
        "stopping after this rung; press Ctrl-C again to stop now",
    ]


def test_what_must_be_whole_is_shielded() -> None:
    with interruption(lambda _: None) as found:
        os.kill(os.getpid(), signal.SIGINT)
        with found.shield():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def fail(before: list[object]) -> None:
    with interruption(lambda _: None):
        assert signal.getsignal(signal.SIGINT) not in before
        raise ZeroDivisionError


def test_the_handlers_are_put_back_whatever_happens() -> None:
    before: list[object] = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError):
        fail(before)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_earlier_wakeup_file_descriptor_is_put_back() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        with interruption(lambda _: None):
            pass
        assert signal.set_wakeup_fd(before) == writer
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv.pop())
from autotune.search.cli.main import main
main()
"""


@pytest.mark.parametrize("module", ["typer", "torch"])
def test_while_modules_load_once_is_now(tmp_path: Path, module: str) -> None:
    """What the command needs first, and what its work needs."""
    (tmp_path / f"{module}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)"
    )
    command = [sys.executable, "-c", COMMAND, "study", "run", "reviews", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
