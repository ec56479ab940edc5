"""The tuner: one loop that fills free slots by asking, advances, reports, prunes by evicting, and tells."""

from .budget import Budget, Ending
from .loop import Tuner

__all__ = ["Budget", "Ending", "Tuner"]
