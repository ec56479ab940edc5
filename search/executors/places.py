"""Where trials can train: each GPU that this process may see, or the cores of the CPU; and what options say of it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from ...objectives.machine import core_count
from ...objectives.training.device import choose_device
from ...spaces.errors import InputError
from .placement import ExecutorName, Placement

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Place:
    """One worker's place: a device, or one core."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """What pins the worker there, if it is set before torch is imported."""
    number: int | None = None
    """A GPU's among those that this process sees; None: a core, or wherever Ray finds room."""
    share: float = 0.0
    """GPUs of a Ray actor, which may be a fraction; 0: one core."""

    @property
    def is_core(self) -> bool:
        return self.number is None and not self.share

    @property
    def is_here(self) -> bool:
        """Whether this process sees it: of several MIG slices CUDA shows a process the first only."""
        return self.number is None or self.number < torch.cuda.device_count()

    @property
    def device(self) -> torch.device:
        """What this process calls it; InputError where it does not see it."""
        return choose_device("cpu" if self.number is None else str(self.number))


def gpus() -> list[Place]:
    """The GPUs and MIG slices that CUDA_VISIBLE_DEVICES leaves, by number or UUID; no CUDA context is opened."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in given.split(",") if name.strip()] if given is not None else None
    # In one process CUDA shows only the first of several MIG slices, so that they cannot be counted by it.
    slices = names is not None and bool(names) and all(name.startswith("MIG-") for name in names)
    count = len(names) if names and slices else torch.cuda.device_count()
    names = (names or [str(number) for number in range(count)])[:count]
    return [
        Place(f"GPU {number}" + ("" if name == str(number) else f" ({name})"), {"CUDA_VISIBLE_DEVICES": name}, number)
        for number, name in enumerate(names)
    ]


def cores(count: int) -> list[Place]:
    """So many cores of the CPU, one thread each."""
    environment = {"CUDA_VISIBLE_DEVICES": "", **_ONE_THREAD}
    return [Place(f"CPU worker {number}", environment) for number in range(count)]


def first_device(devices: str) -> torch.device:
    """Where this process computes what comes before the trials: on the first place that --devices means.

    Raises:
        InputError: there is no such device here.
    """
    place = find_places(devices)[0]
    return place.device if place.is_here else torch.device("cuda", torch.cuda.device_count() - 1)


def find_places(devices: str) -> list[Place]:
    """The places that --devices means.

    Args:
        devices: `auto` (every visible GPU, else the CPU), `cpu`, `cpu:4` (four cores), or GPUs' numbers among the
            visible ones: `0,1`.

    Raises:
        InputError: there is no such device here.
    """
    there = gpus()
    if devices == "auto":
        return there or cores(core_count())
    kind, colon, number = devices.partition(":")
    if kind == "cpu":
        if colon and not (number.isdecimal() and int(number)):
            raise InputError(f"--devices: {devices!r} names no number of workers; cpu:2 means two")
        return cores(int(number) if number else core_count())
    numbers = [word.strip().removeprefix("cuda:") for word in devices.split(",")]
    if devices == "cuda" and there:
        return there[:1]
    unknown = [number for number in numbers if not number.isdecimal() or int(number) >= len(there)]
    if unknown:
        here = ", ".join(["auto", "cpu", "cpu:N", *map(str, range(len(there)))])
        raise InputError(f"--devices: no device {unknown[0]!r} here; there are: {here}")
    if len(set(map(int, numbers))) < len(numbers):
        raise InputError(f"--devices: {devices} names a GPU twice; --slots N puts several trials on one")
    return [there[int(number)] for number in numbers]


def check_placement(
    devices: str, slots: str, executor: ExecutorName, address: str | None, gpus: float | None
) -> Placement:
    """What the options --devices, --slots, --executor, --address and --gpus-per-worker mean.

    Raises:
        InputError: there is no such device, or there are several for one process, it is not a number of slots, an
            option belongs to another executor, or it is no share of a GPU.
    """
    if executor is not ExecutorName.RAY:
        for option, given in (("--address", address), ("--gpus-per-worker", gpus)):
            if given is not None:
                raise InputError(f"{option} belongs to --executor ray")
    if executor is ExecutorName.RAY and devices != "auto" and devices.partition(":")[0] != "cpu":
        raise InputError(f"--devices: {devices!r}: a Ray cluster places actors itself; write auto, cpu or cpu:N")
    places = find_places(devices)
    if executor is ExecutorName.INLINE and len(places) > 1 and (":" in devices or not places[0].is_core):
        names = ", ".join(place.name for place in places)
        raise InputError(
            f"--devices: {devices!r} means several processes ({names}), and --executor inline trains in this one; "
            "name one device"
        )
    if gpus is not None and gpus > 1 and gpus % 1:
        raise InputError(f"--gpus-per-worker: {gpus:g}: a share of one GPU, or whole GPUs")
    if slots != "auto" and not (slots.isdecimal() and int(slots)):
        raise InputError(f"--slots: {slots!r} is not a number of slots; write auto, or 1 or more")
    return Placement(devices, None if slots == "auto" else int(slots), executor, address, gpus)
