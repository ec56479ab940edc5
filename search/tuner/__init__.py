"""The tuner: one loop that fills free slots by asking, advances, reports, prunes by evicting, and tells."""

from .budget import Ending
from .loop import Tuner

__all__ = ["Ending", "Tuner"]
