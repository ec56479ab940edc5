"""Writing of a trained model's folder, at the end of a production training."""

import json
from collections.abc import Sequence

from safetensors import SafetensorError

from ...objectives.training.exporting import save_model
from ...objectives.training.production import Trained
from ...spaces.errors import TrainingError, first_line
from .destination import Destination
from .model_card import ModelCard


def write_model(card: ModelCard, destination: Destination) -> None:
    """Write model, tokenizer, metrics.json and the card.

    Raises:
        TrainingError: the folder cannot be written; the message says what is left of the training.
    """
    metrics = json.dumps(_metrics(card.best.settings.objective, card.trained), indent=2) + "\n"
    texts = {"metrics.json": metrics, "README.md": card.text()}
    try:
        save_model(card.trained, card.prepared, destination.folder, texts, destination.work)
    except (OSError, SafetensorError) as error:  # the second is what safetensors says of a disk, too
        reason = first_line(error) if isinstance(error, SafetensorError) else error.strerror or error
        raise TrainingError(
            f"--output: {str(destination.folder)!r} cannot be written: {reason}; {_left(destination)}"
        ) from None


def _left(destination: Destination) -> str:
    """What is left of a training whose model cannot be written, and what to do."""
    if destination.store.sizes():
        return "the training's last saved state is kept: fix this, and the same command resumes from it"
    return "nothing had been saved yet: fix this, and run the same command again"


def _metrics(objective: str | Sequence[str], trained: Trained) -> dict[str, object]:
    return {
        "objective": objective,
        "validation": dict(trained.validation) or None,
        "test": dict(trained.test) or None,
        "step": trained.step,
        "seconds": trained.seconds,
    }
