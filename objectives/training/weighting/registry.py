"""All loss weightings. Adding one: its file, an entry here, and its name in spaces/training.py."""

from collections.abc import Mapping

from .dwa import DynamicWeightAverage
from .gradients import CAGrad, PCGrad, UPGrad
from .random_weights import RandomWeights
from .static import Static
from .uncertainty import Uncertainty
from .weighting import Setup, Weighting

WEIGHTINGS: Mapping[str, type[Weighting]] = {
    "static": Static,
    "uncertainty": Uncertainty,
    "dwa": DynamicWeightAverage,
    "random": RandomWeights,
    "pcgrad": PCGrad,
    "upgrad": UPGrad,
    "cagrad": CAGrad,
}


def weighting_type(name: str, tasks: int) -> type[Weighting]:
    """The weighting of a trial with so many tasks on: of one there is nothing to balance, so `static`."""
    return WEIGHTINGS[name if tasks > 1 else "static"]


def make_weighting(name: str, setup: Setup) -> Weighting:
    """The weighting of a trial.

    Raises:
        InputError: a gradient method without torchjd.
    """
    return weighting_type(name, len(setup.tasks))(setup)
