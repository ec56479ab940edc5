"""All task kinds. Adding one: its file, and an entry in each of the two lists."""

from typing import Annotated, Any

from pydantic import Field

from .classification import Classification, ClassificationSettings
from .masked_lm import MaskedLanguageModel, MaskedLanguageModelSettings
from .task import Task

TaskSettings = Annotated[ClassificationSettings | MaskedLanguageModelSettings, Field(discriminator="kind")]
TASKS: tuple[type[Task[Any]], ...] = (Classification, MaskedLanguageModel)


def task_type(kind: str) -> type[Task[Any]]:
    """The class of a kind."""
    return next(task for task in TASKS if task.kind == kind)
