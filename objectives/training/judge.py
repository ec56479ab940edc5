"""The baseline as a judge of synthesized rows: its probabilities for unlabelled texts."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from ...spaces.augmentation import AugmentationSpace
from ...spaces.configuration import Configuration
from ...spaces.errors import DataError
from ..augmentation.operation import Judge
from ..data.batches import bucket_lengths
from ..data.inputs import Inputs
from ..data.tokens import TokenTable, encode
from ..models.names import default_rates
from ..prepare import prepare
from ..prepared import PreparedObjective, TaskRows
from ..settings import ObjectiveSettings
from ..tasks.classification import Classification
from .evaluating import predict
from .run import TrainingRun


def baseline_judge(settings: ObjectiveSettings, base: Path, seed: int, device: torch.device) -> Judge:
    """Train the main task alone, without augmentation, and give what it says of texts.

    It trains to the study's full length on training rows only; its last weights count, so that held-out rows do not
    even choose among them. With `validation: {folds: n}` every training row is held out in one fold, and the judge
    knows them all. The vocabulary is whole: new texts may have tokens that no row has.

    Args:
        settings: the study's; auxiliary tasks are left out.
        base: the folder that paths are relative to.
        seed: the study's.
        device: where it trains and judges.

    Raises:
        DataError: the main task is no classification of one text.
        Diverged: a loss is not finite.
    """
    prepared = prepare(_alone(settings), AugmentationSpace(), base, seed)
    task = prepared.main.task
    if not isinstance(task, Classification) or task.inputs(prepared.corpus.train[task.name]).second is not None:
        raise DataError(f"tasks: {task.name}: only a classification of one text can judge new rows")
    run = TrainingRun(0, Configuration(learning_rate=_rate(settings)), prepared, device)
    run.train_to(run.total_steps)

    def judge(texts: Sequence[str]) -> Sequence[Sequence[float]]:
        if not texts:
            return []
        rows = _rows(texts, prepared)
        logits = predict(run.model, rows, prepared, device, prepared.settings.training.precision)
        return logits.double().softmax(1).tolist()

    return judge


def _alone(settings: ObjectiveSettings) -> ObjectiveSettings:
    """The main task alone, early stopping off: nothing is evaluated."""
    return settings.model_copy(
        update={
            "tasks": {settings.main_task: settings.tasks[settings.main_task]},
            "objective": settings.objectives[0],
            "model": settings.model.model_copy(update={"trim_vocabulary": False, "pooling": "auto"}),
            "training": settings.training.model_copy(update={"early_stopping": None}),
        }
    )


def _rate(settings: ObjectiveSettings) -> float:
    """The study's own rate, else the middle of the encoder's usual range, on a log scale."""
    return settings.training.learning_rate or math.sqrt(math.prod(default_rates(settings.model.encoder)))


def _rows(texts: Sequence[str], prepared: PreparedObjective) -> TaskRows:
    """Texts as rows without labels; these are not cached, as they are asked for once."""
    limit = prepared.settings.model.max_length
    tokens = TokenTable(**encode(Inputs(texts), prepared.encoder.tokenizer, limit))
    tokens = tokens.mapped(prepared.models.vocabulary.new_ids)
    nothing = torch.zeros(len(texts), dtype=torch.int64)
    return TaskRows(prepared.main.task, tokens, nothing, bucket_lengths(tokens.lengths, limit))
