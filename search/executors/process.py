"""One process per device: spawned once, pinned to its device, replaced when it dies."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from ...objectives.training.failing import tail
from ...spaces.errors import AutotuneError
from .lanes import Worker, WorkerDied
from .places import Place
from .pool import PoolExecutor
from .worker import Begun, Broken, Message, Noted, Preparing, Ready, Recipe, Round, Told, come, leave, one_thread

_LEAVING_S = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SPAWN = multiprocessing.get_context("spawn")


class ProcessExecutor(PoolExecutor):
    """Trains in one persistent process a place. See PoolExecutor for the arguments."""

    starting_s = 1800.0
    """Its data are in the cache already; where they are not, it makes augmented rows anew."""

    def hire(self, place: Place) -> Worker:
        return _Process(place, self._recipe)

    def waited(self, workers: Sequence[Worker], timeout_s: float | None) -> Iterable[Worker]:
        processes = [worker for worker in workers if isinstance(worker, _Process)]
        heard = wait([process.line for process in processes], timeout_s)
        return [process for process in processes if process.line in heard]


class _Process:
    """A worker process, as its parent has it."""

    def __init__(self, place: Place, recipe: Recipe) -> None:
        self.line, far_end = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(far_end, recipe, place.is_core), name=place.name)
        with _environment(place.environment), _held_back():
            self._process.start()
        far_end.close()  # so that the line ends when the process does

    def send(self, given: Round) -> None:
        try:
            self.line.send(given)
        except OSError:
            raise WorkerDied(self._death()) from None

    def receive(self) -> Message:
        try:
            return self.line.recv()
        except (EOFError, OSError):
            raise WorkerDied(self._death()) from None

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def close(self) -> None:
        self.line.close()
        self._process.join(_LEAVING_S)
        self.kill()

    def _end(self) -> None:
        self._process.join(_LEAVING_S)  # a driver that is stuck keeps even a killed process
        self.line.close()

    def _death(self) -> str:
        self._process.join(_LEAVING_S)
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"its process ended (exit code {code})"
        name = signal.Signals(-code).name
        hint = ", possibly because memory ran out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"


def _serve(line: Connection, recipe: Recipe, is_one_thread: bool) -> None:
    """A worker's whole life."""
    for number in _SIGNALS:  # the parent decides
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    _follow_parent()
    if is_one_thread:
        one_thread()
    try:
        trainer = recipe.make(lambda text: line.send(Noted(text)))
        line.send(Ready())
        while True:
            given: Round = line.recv()
            leave(trainer, given)
            if given.coming:
                line.send(Preparing())
            begun = come(trainer, given)
            line.send(begun)
            if isinstance(begun, Begun):
                line.send(Told(trainer.advance()))
    except (EOFError, BrokenPipeError):
        return  # the parent closed the line
    except AutotuneError as error:
        line.send(Broken(tail(error), error))
    except Exception as error:  # noqa: BLE001, told to the parent with its traceback
        line.send(Broken(tail(error)))
        sys.exit(1)


def _follow_parent() -> None:
    """End with the parent, even in the middle of a rung: nobody would hear of it."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _held_back() -> Generator[None]:
    """A process that starts now inherits that it hears no signal, until it says that it wants none."""
    resource_tracker.ensure_running()  # which would else be started meanwhile, and let the signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Generator[None]:
    """Variables that a new process inherits."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
