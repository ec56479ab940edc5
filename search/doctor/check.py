"""One line of what `autotune doctor` finds."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check is to be read."""

    OK = "ok"
    MISSING = "missing"
    """Not there and not needed, unless for what the line names."""
    WRONG = "wrong"
    """Needed, and of no use as it is."""


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do where it is not well."""

    part: str
    state: State
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """All of it, by name."""
        return asdict(self)
