"""The fresh seed of a training. Imports no torch, as reports read it too."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fresh:
    """What is fresh about a trial: its seed; `tested`: it is measured on the test data, at its end."""

    seed: int
    tested: bool = False
