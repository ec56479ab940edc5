import os
import signal

import pytest
from autotune.search.interruption import interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_is_a_request_and_twice_is_now(number: signal.Signals) -> None:
    said: list[str] = []
    with interruption(said.append) as found:
        assert not found.requested
        os.kill(os.getpid(), number)
        assert found.requested
        assert said == ["stopping after this rung; once more to stop now"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


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
