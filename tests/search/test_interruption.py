import io
import os
import signal
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
