"""Settings of each task kind in a study file, and its metrics.

Apart from the tasks themselves, so that a stored study is read without torch.
"""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .settings import BaseTaskSettings, Column, ColumnOrColumns, Direction, OptionalColumn, TextTaskSettings

_NOISE = 0.3
"""Share of a text that BART was pretrained to fill in."""
DECODER_LAYERS = 1
"""Of the decoder that an encoder gets. A layer learns to copy: the encoder has done the reading."""

LEAST = {"mcc": -1.0, "pearson": -1.0, "spearman": -1.0, "r2": -math.inf}
"""What metrics that are the better the higher can be at least, where that is not 0."""


class ClassificationSettings(TextTaskSettings):
    """One label of several for a text or a pair of texts."""

    kind: Literal["classification"]
    metrics: ClassVar[Mapping[str, Direction]] = {
        "accuracy": "maximize",
        "balanced_accuracy": "maximize",
        "f1": "maximize",
        "mcc": "maximize",
        "log_loss": "minimize",
    }
    label: Column = Field(default="label", description="column with the label")

    @model_validator(mode="after")
    def _label_is_not_read(self) -> Self:
        self.check_answer("label", self.label)
        return self


class MultiLabelSettings(TextTaskSettings):
    """Any number of labels for a text."""

    kind: Literal["multi_label"]
    metrics: ClassVar[Mapping[str, Direction]] = {
        "f1": "maximize",
        "macro_f1": "maximize",
        "exact_match": "maximize",
        "average_precision": "maximize",
        "log_loss": "minimize",
    }
    labels: ColumnOrColumns = Field(
        default="labels",
        description="column with a list of labels, or labels between separators; or a list of columns, one per label, "
        "each 0 or 1",
    )
    separator: str = Field(default="|", min_length=1, description="separates the labels in a text cell")

    @model_validator(mode="after")
    def _columns_of_labels(self) -> Self:
        if isinstance(self.labels, list) and len(set(self.labels)) < max(len(self.labels), 2):
            raise ValueError("`labels` as a list needs two or more columns, each once: one per label")
        return self


class RegressionSettings(TextTaskSettings):
    """A number for a text."""

    kind: Literal["regression"]
    metrics: ClassVar[Mapping[str, Direction]] = {
        "rmse": "minimize",
        "mae": "minimize",
        "r2": "maximize",
        "pearson": "maximize",
        "spearman": "maximize",
    }
    label: Column = Field(default="label", description="column with the number")

    @model_validator(mode="after")
    def _label_is_not_read(self) -> Self:
        self.check_answer("label", self.label)
        return self


class TokenClassificationSettings(BaseTaskSettings):
    """A tag for every word."""

    kind: Literal["token_classification"]
    metrics: ClassVar[Mapping[str, Direction]] = {
        "f1": "maximize",
        "precision": "maximize",
        "recall": "maximize",
        "accuracy": "maximize",
    }
    tokens: Column = Field(default="tokens", description="column with a list of words (or words between blanks)")
    tags: Column = Field(default="tags", description="column with a tag for each word: BIO or plain")

    @property
    def word_column(self) -> str | None:
        return self.tokens


class SpanSettings(BaseTaskSettings):
    """Where in a context the answer to a question stands."""

    kind: Literal["span"]
    metrics: ClassVar[Mapping[str, Direction]] = {"f1": "maximize", "exact_match": "maximize"}
    question: Column = Field(default="question", description="column with the question")
    context: Column = Field(default="context", description="column with the text that holds the answer")
    answer: Column = Field(
        default="answer", description="column with the answer, or a list of them; empty: there is none"
    )
    start: OptionalColumn = Field(
        default=None, description="column with the answer's first character (from 0); null: first found"
    )

    @property
    def counts_characters(self) -> bool:
        return self.start is not None


class MaskedLanguageModelSettings(TextTaskSettings):
    """Guess hidden tokens; needs no labels."""

    kind: Literal["masked_lm"]
    metrics: ClassVar[Mapping[str, Direction]] = {"accuracy": "maximize", "perplexity": "minimize"}
    probability: float = Field(default=0.15, gt=0, lt=1, description="share of a text's tokens that are hidden")


class GenerationSettings(TextTaskSettings):
    """Write a text."""

    kind: Literal["generation"]
    metrics: ClassVar[Mapping[str, Direction]] = {
        "chrf": "maximize",
        "token_accuracy": "maximize",
        "perplexity": "minimize",
    }
    target: OptionalColumn = Field(
        default=None, description="column with the text to write; null: the row's own, from a noised copy"
    )
    max_target_length: int = Field(
        default=64, ge=2, le=8192, description="tokens to write, the end token among them; the rest is truncated"
    )
    noise: float = Field(
        default=_NOISE, ge=0, lt=1, description="share of the tokens that are hidden from a model that reconstructs"
    )
    decoder_layers: int = Field(
        default=DECODER_LAYERS,
        ge=1,
        le=24,
        description="layers of the decoder that an encoder gets; others have their own",
    )

    @model_validator(mode="after")
    def _noise_to_reconstruct(self) -> Self:
        if self.target is not None and self.noise != _NOISE:
            raise ValueError("`noise` is for reconstructing; with a `target` nothing is hidden")
        return self


TaskSettings = Annotated[
    ClassificationSettings
    | MultiLabelSettings
    | RegressionSettings
    | TokenClassificationSettings
    | SpanSettings
    | MaskedLanguageModelSettings
    | GenerationSettings,
    Field(discriminator="kind"),
]
