"""All task kinds. Adding one: its settings in kinds.py, its file, and an entry in the list of each."""

from typing import Any

from .classification import Classification
from .generation import Generation
from .kinds import TaskSettings
from .masked_lm import MaskedLanguageModel
from .multi_label import MultiLabel
from .regression import Regression
from .span import Span
from .task import Task
from .token_classification import TokenClassification

TASKS: tuple[type[Task[Any]], ...] = (
    Classification,
    MultiLabel,
    Regression,
    TokenClassification,
    Span,
    MaskedLanguageModel,
    Generation,
)


def make_task(name: str, settings: TaskSettings) -> Task[Any]:
    """A task of the kind that its settings are of, not fitted yet."""
    return next(task for task in TASKS if task.kind == settings.kind)(name, settings)
