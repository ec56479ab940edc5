"""What the settings of all task kinds share: rows of their own, and what the encoder reads of a row."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo

from ...spaces.settings import Settings
from ..data.inputs import Inputs
from ..data.table import Table

Direction = Literal["maximize", "minimize"]


_COLUMN = "column with "
"""How the description of a key that names a column begins."""


def _names_a_column(field: FieldInfo) -> bool:
    return (field.description or "").startswith(_COLUMN)


class TaskData(Settings):
    """An auxiliary task's own rows."""

    train: str = Field(min_length=1, description="file (relative to the study file) or Hub data set")
    validation: str | None = Field(
        default=None, min_length=1, description="rows that it is measured on, where its metric is an objective"
    )


class BaseTaskSettings(Settings):
    """What every kind has; a kind adds `kind: Literal[...]`, its metrics and its own columns."""

    metrics: ClassVar[Mapping[str, Direction]]
    """What a task can be measured by; the first is the default objective."""

    data: TaskData | None = Field(default=None, description="rows of its own; by default the main task's")

    def columns(self) -> dict[str, str]:
        """The columns that the task reads, by the key that names each."""
        named = {key: getattr(self, key) for key, field in type(self).model_fields.items() if _names_a_column(field)}
        return {key: column for key, column in named.items() if column is not None}


class TextTaskSettings(BaseTaskSettings):
    """A kind that reads one text, a pair of texts, or words."""

    text: str = Field(default="text", min_length=1, description="column with the text")
    text_pair: str | None = Field(default=None, min_length=1, description="column with the second text of a pair")
    tokens: str | None = Field(
        default=None,
        min_length=1,
        description="column with a list of words (or words between blanks), in place of text",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.text_pair == self.text:
            raise ValueError(f"a pair needs two columns; text and text_pair are both {self.text!r}")
        if self.tokens is not None and (self.text != type(self).model_fields["text"].default or self.text_pair):
            raise ValueError("either `text` (with `text_pair`) or `tokens`, not both")
        return self

    def columns(self) -> dict[str, str]:
        found = super().columns()
        return found if self.tokens is None else {key: name for key, name in found.items() if key != "text"}

    def inputs(self, table: Table) -> Inputs:
        """What the encoder reads of each row; DataError where a column is missing."""
        if self.tokens is not None:
            return Inputs([" ".join(words) for words in table.items(self.tokens)])
        return Inputs(table.column(self.text), table.column(self.text_pair) if self.text_pair else None)
