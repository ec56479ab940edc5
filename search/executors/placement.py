"""Where a run is to train, by its options. Imports nothing heavy, so that the command line starts fast."""

from dataclasses import dataclass
from enum import StrEnum


class ExecutorName(StrEnum):
    """Where trainers run."""

    AUTO = "auto"
    INLINE = "inline"
    PROCESS = "process"
    RAY = "ray"


@dataclass(frozen=True)
class Placement:
    """Where a run trains.

    Args:
        devices: as find_places has them.
        slots: how many trials each place trains at once; None: as many as are worth it.
        executor: what trains there; `auto` is this process for one GPU or a short study, else a process a place.
        address: of a Ray cluster; None: RAY_ADDRESS, or one on this machine.
        gpus: of each Ray actor; None: one where the cluster has GPUs.
    """

    devices: str = "auto"
    slots: int | None = None
    executor: ExecutorName = ExecutorName.AUTO
    address: str | None = None
    gpus: float | None = None
