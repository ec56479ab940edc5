"""A study's data, prepared for trials; which models make rows of it, and how long trials can be."""

import gc
from collections.abc import Iterator
from pathlib import Path

import torch

from ..objectives.augmentation.generating import BankProgress
from ..objectives.models.encoders import EncoderSource, commit_of
from ..objectives.models.language_models import at_commit
from ..objectives.models.layers import layer_mistakes
from ..objectives.prepare import prepare
from ..objectives.prepared import PreparedObjective
from ..objectives.training.judge import baseline_judge
from ..spaces.errors import EncoderError
from ..spaces.training import TrainingSettings
from .pinning import named_models, with_revision
from .study_file.schema import StudyFile


def prepare_study(
    file: StudyFile, base: Path, progress: BankProgress = lambda *_: None, device: torch.device | None = None
) -> PreparedObjective:
    """Read and tokenise all that a study trains on.

    Args:
        file: the study file.
        base: the folder that paths are relative to.
        progress: hears how far the generation of augmented rows is.
        device: where language models write new rows, and the baseline judges them; None: the fastest here.

    Raises:
        InputError: something in it cannot be used, a searched number of layers included.
    """
    # The baseline that judges may train long after the rest was read: the Hub's main branch may have moved by then.
    file = with_revision(file, commit_of(file.model.encoder, base, file.model.revision))
    prepared = prepare(
        file,
        file.space.augmentation,
        base,
        file.search.seed,
        cleaning=file.space.cleaning,
        progress=progress,
        judge=baseline_judge,
        device=device,
    )
    if torch.cuda.is_initialized():  # what a judge or a language model took there is the trials' now
        gc.collect()
        torch.cuda.empty_cache()
    if wrong := list(_layer_mistakes(file, prepared.encoder)):
        raise EncoderError("\n".join(wrong))
    return prepared


def models_at_commits(file: StudyFile, base: Path) -> dict[str, str]:
    """The models of the Hub that augmentation operations open, by their keys (`mask.model`), as `owner/name@COMMIT`.

    Args:
        file: the study file.
        base: the folder that its paths are relative to.
    """
    found = {f"{operation}.{name}": at_commit(text, base) for operation, name, text in named_models(file)}
    return {key: text for key, text in found.items() if text is not None}


def longest_trial(file: StudyFile, prepared: PreparedObjective) -> int:
    """Steps of the longest trial that the space allows: only a searched number of epochs changes the length."""
    return prepared.rungs(file.training.model_copy(update={"epochs": max(possible_epochs(file))}))[-1]


def possible_epochs(file: StudyFile) -> list[int]:
    """Lengths of trials in epochs: the study's own, and the ends or choices of what is searched."""
    space = file.space.training.get("epochs")
    searched = () if space is None else space.values
    return [file.training.epochs, *(int(each) for each in searched if isinstance(each, int | float))]


def _layer_mistakes(file: StudyFile, encoder: EncoderSource) -> Iterator[str]:
    """Those of the fixed settings and of all values that are searched."""
    for mistake in layer_mistakes(encoder, file.training):
        yield f"training: {mistake}"
    for name, space in file.space.training.items():
        for value in space.values:
            for mistake in layer_mistakes(encoder, TrainingSettings.model_validate({name: value})):
                yield f"space: training: {mistake}"
