"""Real processes that need no seconds for imports: commands and workers as forks of one that has done them."""

import multiprocessing
import multiprocessing.context
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest
from autotune.search.executors import process

IMPORTED = "tests.integration.preloaded"


def context() -> "multiprocessing.context.ForkServerContext":
    """How a process is started as a fork of one that has imported all."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([IMPORTED])
    return found


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that this process hires are forks."""
    monkeypatch.setattr(process, "_SPAWN", context())


class _Pipe:
    """A file descriptor that goes along to the new process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.descriptor),)


def _received(sent: Any) -> int:  # noqa: ANN401
    return sent.detach()


class Forked(subprocess.Popen[str]):
    """`autotune ARGUMENTS` in a folder, with an environment; used like any other process that was started.

    With `forks` the workers that it hires are forks of it, not spawned.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], arguments: Sequence[str], *, forks: bool = False
    ) -> None:
        self._child_created = False  # not a child of this process: the base class must not wait for it
        self.args, self.returncode, self.stdin = arguments, None, None
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        given = (str(folder), dict(environment), list(arguments), forks, _Pipe(to_out), _Pipe(to_err))
        self._process = context().Process(target=_be_the_command, args=given)
        self._process.start()
        os.close(to_out)
        os.close(to_err)
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.stdout, self.stderr = os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8")

    def poll(self) -> int | None:
        self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """All it prints; a process that takes longer than `timeout` seconds is killed."""
        assert input is None
        assert self.stdout is not None
        assert self.stderr is not None
        with self.stdout, self.stderr, ThreadPoolExecutor(2) as readers:
            out, err = readers.submit(self.stdout.read), readers.submit(self.stderr.read)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return out.result(), err.result()


def _be_the_command(
    folder: str, environment: dict[str, str], arguments: list[str], forks: bool, out: int, err: int
) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, encoding="utf-8") for number in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Where the server of the forks was started with a worker, it was while signals were held back.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.argv = ["autotune", *arguments]
    if forks:
        process._SPAWN = multiprocessing.get_context("fork")
    from autotune.search.cli.main import main

    main()
