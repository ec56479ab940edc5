"""Why a trial ended without a value. Imports no torch, as reports read it too."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Why a trial ended without a value."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    PREEMPTED = "pre-empted"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Failure:
    """What went wrong in a trial."""

    kind: FailureKind
    message: str
    trace: str = ""
    """The last lines of the traceback, where there is one."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def timed_out(seconds: float, limit_s: float) -> Failure:
    """The failure of a trial that trained too long."""
    message = f"trained {seconds:.0f} s of at most {limit_s:.0f} s (search.trial_timeout)"
    return Failure(FailureKind.TIMED_OUT, message)
