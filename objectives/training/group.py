"""Processes that train one model together, each on its share of every batch (data parallelism).

Whoever starts them (torchrun, accelerate launch) says in the environment who they are. Each holds the whole model, and
all take the same step, because gradients are summed before it. The first one, the leader, also measures and writes.
"""

import json
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

from ...spaces.errors import InputError, TrainingError

_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_PATIENCE = timedelta(days=1)
"""Others wait while the leader measures or writes. One that dies is noticed at once: its connections close."""


@dataclass(frozen=True)
class Group:
    """This process and those that it trains with; alone, every method gives back what it was given.

    All methods but `leads` are collective: every process calls them, in the same order. They raise TrainingError
    where another process is gone.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process measures and writes."""
        return self.rank == 0

    def sum(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace tensors of one type and device by their sums over the processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _together(self):
            dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every parameter the sum of its gradients; one that has none in any process still has none."""
        if self.size == 1:
            return
        trained = list(parameters)
        present = torch.tensor([parameter.grad is not None for parameter in trained], dtype=torch.int64)
        self.sum([present])
        for parameter, count in zip(trained, present.tolist(), strict=True):
            if count and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.sum([parameter.grad for parameter in trained if parameter.grad is not None])

    def largest(self, value: int) -> int:
        """The largest of the processes' values."""
        if self.size == 1:
            return value
        largest = torch.tensor([value])
        with _together(self):
            dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    def told(self, values: Mapping[str, float]) -> dict[str, float]:
        """The leader's values; what the others give is not looked at."""
        if self.size == 1:
            return dict(values)
        text = torch.tensor(list(json.dumps(dict(values)).encode()), dtype=torch.uint8)
        length = torch.tensor([len(text)])
        with _together(self):
            dist.broadcast(length, 0)
            text = text if self.leads else torch.empty(int(length), dtype=torch.uint8)
            dist.broadcast(text, 0)
        return json.loads(bytes(text.tolist()))

    @contextmanager
    def in_turn(self) -> Generator[None]:
        """The leader first, then the others: what it puts into the cache they find there."""
        if not self.leads:
            self.largest(0)
        yield
        if self.leads:
            self.largest(0)


ALONE = Group()


@contextmanager
def joined() -> Generator[Group]:
    """The group that this process was started in; `ALONE` where it was started by itself.

    Raises:
        InputError: the others cannot be reached.
    """
    if any(name not in os.environ for name in _TOLD) or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    try:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        told = ", ".join(f"{name}={os.environ[name]}" for name in _TOLD)
        raise InputError(f"the processes of this training cannot connect to each other ({told}): {error}") from None
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def local_rank() -> int:
    """Which of its host's processes this one is."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def _together(group: Group) -> Generator[None]:
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(
            f"process {group.rank} of {group.size}: another process of this training ended (see its error, if any); "
            "the same command resumes from the last checkpoint"
        ) from error
