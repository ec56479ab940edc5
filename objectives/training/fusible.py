"""Which trials the fused trainer can fuse, and why not the others."""

from ...spaces.configuration import Configuration
from ..multi_task.fused.model import unstackable
from ..prepared import PreparedObjective
from ..settings import COSTS


def unfusible(prepared: PreparedObjective, configuration: Configuration) -> str | None:
    """Why a trial must be trained by itself, as the end of "trained one by one because …"; None if it need not.

    Raises:
        EncoderError: the encoder has fewer layers than a setting names.
    """
    training = prepared.training_of(configuration)
    tasks = [prepared.settings.main_task, *configuration.ratios]
    strange = [name for name in tasks if not prepared.train[name].task.fuses]
    several = bool(configuration.ratios)
    reasons = {
        "cross-validation trains fold after fold": bool(prepared.folds),
        "the cost of inference is counted on a model of its own": bool(set(COSTS) & set(prepared.settings.objectives)),
        f"the loss of {', '.join(map(repr, strange))} is not computed per trial": bool(strange),
        f"weighting {training.weighting} needs the gradients or the history of each task": several
        and training.weighting != "static",
        f"sampling {training.sampling} gives each trial other tasks in a step": several and training.sampling != "all",
        "layer_decay gives layers rates of their own": training.layer_decay != 1,
        "freeze_layers trains some layers only": training.freeze_layers > 0,
    }
    found = next((reason for reason, holds in reasons.items() if holds), None)
    return found or unstackable(prepared.models.outline(tasks, training))
