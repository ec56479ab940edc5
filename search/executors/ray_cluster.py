"""Trials as actors of an existing Ray cluster, each with a share of a GPU or with one core.

Ray places the actors; all else is as with processes. Each actor reads the study's data at the same path and
prepares it once per machine.
"""

import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ...objectives.training.failing import tail
from ...objectives.training.trainer import Trainer
from ...spaces.errors import AutotuneError, InputError, first_line
from .lanes import Worker, WorkerDied
from .places import Place
from .pool import PoolExecutor
from .worker import Broken, Message, Noted, Preparing, Ready, Recipe, Round, Told, come, leave, one_thread

_KNOCK_S = 10.0


class RayExecutor(PoolExecutor):
    """Trains in one Ray actor a place; where it lives, Ray chooses. See PoolExecutor for the arguments."""

    def hire(self, place: Place) -> Worker:
        return _Actor(self._recipe, place.share)

    def waited(self, workers: Sequence[Worker], timeout_s: float | None) -> Iterable[Worker]:
        actors = [worker for worker in workers if isinstance(worker, _Actor)]
        if told := [actor for actor in actors if actor.messages]:
            return told
        done, _ = _ray().wait([actor.answers[0] for actor in actors], timeout=timeout_s)
        return [actor for actor in actors if actor.answers[0] in done]


class Remote:
    """What an actor runs: a trainer, asked round by round."""

    def __init__(self, recipe: Recipe, *, is_one_thread: bool) -> None:
        self._recipe = recipe
        self._trainer: Trainer | None = None
        self._notes: list[Message] = []
        if is_one_thread:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray hides no GPU from an actor that has none
            one_thread()

    def begin(self) -> list[Message]:
        """Make the trainer."""
        return self._safely(self._make)

    def leave(self, given: Round) -> list[Message]:
        """Begin a round; the last message tells that it makes ready for trials that come."""
        return self._safely(lambda: self._leave(given))

    def come(self, given: Round) -> list[Message]:
        """Go on with a round; the last message tells which trials are to train, or that it is over."""
        return self._safely(lambda: self._come(given))

    def train(self) -> list[Message]:
        """Do the rest of a round; the last message tells its evaluations."""
        return self._safely(self._advance)

    def _make(self) -> Message:
        self._trainer = self._recipe.make(lambda text: self._notes.append(Noted(text)))
        return Ready()

    def _leave(self, given: Round) -> Message:
        assert self._trainer is not None
        leave(self._trainer, given)
        return Preparing()

    def _come(self, given: Round) -> Message:
        assert self._trainer is not None
        return come(self._trainer, given)

    def _advance(self) -> Message:
        assert self._trainer is not None
        return Told(self._trainer.advance())

    def _safely(self, do: Any) -> list[Message]:  # noqa: ANN401, a function without arguments
        try:
            last: Message = do()
        except AutotuneError as error:
            last = Broken(tail(error), error)
        except Exception as error:  # noqa: BLE001, told to the tuner with its traceback
            last = Broken(tail(error))
        notes, self._notes = self._notes, []
        return [*notes, last]


class _Actor:
    """An actor, as the tuner has it."""

    def __init__(self, recipe: Recipe, gpus: float) -> None:
        settings = {"num_gpus": gpus} if gpus else {"num_cpus": 1}
        self._handle = _ray().remote(Remote).options(**settings).remote(recipe, is_one_thread=not gpus)
        self.answers: deque[Any] = deque([self._handle.begin.remote()])
        self.messages: deque[Message] = deque()
        self._is_broken = False

    def send(self, given: Round) -> None:
        if given.leaving or given.coming:
            self.answers.append(self._handle.leave.remote(given))
        self.answers.append(self._handle.come.remote(given))
        if given.train:
            self.answers.append(self._handle.train.remote())

    def receive(self) -> Message:
        if self._is_broken:
            raise WorkerDied("its actor ended")
        if not self.messages:
            try:
                self.messages.extend(_ray().get(self.answers.popleft()))
            except _ray().exceptions.RayError as error:  # lost, killed for want of memory, or never started
                raise WorkerDied(f"its actor died: {first_line(error)}") from None
        message = self.messages.popleft()
        if isinstance(message, Broken) and message.error is None:
            self._is_broken = True
            self.messages.append(message)  # so that the end is heard, too
        return message

    def kill(self) -> None:
        _ray().kill(self._handle)

    def close(self) -> None:
        self.kill()


def connect(address: str | None) -> None:
    """Join a running cluster.

    Args:
        address: of its head (`10.0.0.1:6379`, `ray://…`); by default RAY_ADDRESS, or a cluster on this machine.

    Raises:
        InputError: Ray is not installed, or there is no cluster.
    """
    ray = _ray()
    door = _door(address or os.environ.get("RAY_ADDRESS") or "auto")
    if ray.is_initialized():
        return
    try:
        if door is not None:  # see whether somebody is there, where Ray would try for minutes
            socket.create_connection(door, timeout=_KNOCK_S).close()
        with _own_signals():
            ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        where, reason = address or "this machine", first_line(error)
        raise InputError(f"--address: no Ray cluster at {where} ({reason}); `ray start --head` starts one") from None


def _door(address: str) -> tuple[str, int] | None:
    """Host and port of an address; None where Ray looks for a cluster by itself. InputError where it is none."""
    if address == "auto":
        return None
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        raise InputError(f"--address: {address!r} is not an address; write HOST:PORT or ray://HOST:PORT")
    return host, int(port)


def cluster_places(gpus: float | None, limit: int) -> list[Place]:
    """A place for each actor that the cluster has room for, but at most `limit`.

    Args:
        gpus: of each actor; None: 1 where the cluster has GPUs, else 0.

    Raises:
        InputError: the cluster has no room for one.
    """
    there = _ray().cluster_resources()
    share = gpus if gpus is not None else float(there.get("GPU", 0) >= 1)
    room = _gpu_room(share) if share else int(there.get("CPU", 0))
    if room < 1 and not share:
        raise InputError("the Ray cluster has no CPUs for actors without a GPU")
    if room < 1:
        raise InputError(f"--gpus-per-worker {share:g}: the Ray cluster has {there.get('GPU', 0):g} GPUs in all")
    return [Place(f"Ray actor {number}", share=share) for number in range(min(room, limit))]


def _gpu_room(share: float) -> int:
    """How many actors find their GPUs: a part must be of one GPU, several must be of one machine."""
    gpus = [int(node["Resources"].get("GPU", 0)) for node in _ray().nodes() if node["Alive"]]
    if share > 1:
        return sum(int(count // share) for count in gpus)
    return sum(gpus) * int(1 / share + 1e-9)


def _ray() -> Any:  # noqa: ANN401, an optional package
    try:
        return import_module("ray")
    except ImportError:
        raise InputError("--executor ray needs the package ray: pip install 'autotune-mtl[ray]'") from None


@contextmanager
def _own_signals() -> Generator[None]:
    """Ray takes SIGTERM for itself when it joins a cluster; here it means to finish the rung."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
