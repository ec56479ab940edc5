"""All task kinds. Adding one: its file, and an entry in each of the two lists."""

from typing import Annotated, Any

from pydantic import Field

from .classification import Classification, ClassificationSettings
from .masked_lm import MaskedLanguageModel, MaskedLanguageModelSettings
from .multi_label import MultiLabel, MultiLabelSettings
from .regression import Regression, RegressionSettings
from .span import Span, SpanSettings
from .task import Task
from .token_classification import TokenClassification, TokenClassificationSettings

TaskSettings = Annotated[
    ClassificationSettings
    | MultiLabelSettings
    | RegressionSettings
    | TokenClassificationSettings
    | SpanSettings
    | MaskedLanguageModelSettings,
    Field(discriminator="kind"),
]
TASKS: tuple[type[Task[Any]], ...] = (
    Classification,
    MultiLabel,
    Regression,
    TokenClassification,
    Span,
    MaskedLanguageModel,
)


def task_type(kind: str) -> type[Task[Any]]:
    """The class of a kind."""
    return next(task for task in TASKS if task.kind == kind)
