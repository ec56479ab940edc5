"""What the settings of all task kinds share: rows of their own, and what the encoder reads of a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...spaces.settings import Settings
from ..data.encodings import known_encoding
from ..data.inputs import Inputs
from ..data.table import Table

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class NamesColumn:
    """Marks a key whose value names a column of the data, or several."""


Column = Annotated[str, Field(min_length=1), NamesColumn()]
OptionalColumn = Annotated[str | None, Field(min_length=1), NamesColumn()]
Encoding = Annotated[str, AfterValidator(known_encoding)] | None
_Name = Annotated[str, Field(min_length=1)]
ColumnOrColumns = Annotated[_Name | list[_Name], NamesColumn()]


class TaskData(Settings):
    """An auxiliary task's own rows."""

    train: str = Field(min_length=1, description="file (relative to the study file) or Hub data set")
    validation: str | None = Field(
        default=None, min_length=1, description="rows that it is measured on, where its metric is an objective"
    )
    encoding: Encoding = Field(default=None, description="of these files' texts, such as cp1252; null: UTF-8 or UTF-16")


class BaseTaskSettings(Settings):
    """What every kind has; a kind adds `kind: Literal[...]`, its metrics and its own columns."""

    metrics: ClassVar[Mapping[str, Direction]]
    """What a task can be measured by; the first is the default objective."""

    data: TaskData | None = Field(default=None, description="rows of its own; by default the main task's")

    def columns(self) -> dict[str, str]:
        """The columns that the task reads, by the key that names each."""
        marked = [key for key, field in type(self).model_fields.items() if NamesColumn() in field.metadata]
        given = {key: getattr(self, key) for key in marked}
        found = {key: column for key, column in given.items() if isinstance(column, str)}
        several = {key: columns for key, columns in given.items() if isinstance(columns, list)}
        return found | {f"{key}.{place}": name for key, names in several.items() for place, name in enumerate(names)}

    @property
    def word_column(self) -> str | None:
        """The column whose items are words; None: the task reads whole texts."""
        return None

    @property
    def counts_characters(self) -> bool:
        """Whether a column says where in a text something stands, so that no character may come or go."""
        return False


class TextTaskSettings(BaseTaskSettings):
    """A kind that reads one text, a pair of texts, or words."""

    text: Column = Field(default="text", description="column with the text")
    text_pair: OptionalColumn = Field(default=None, description="column with the second text of a pair")
    tokens: OptionalColumn = Field(
        default=None, description="column with a list of words (or words between blanks), in place of text"
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

    def check_answer(self, key: str, column: str) -> None:
        """ValueError: the column of answers is one that is read."""
        read = {name: found for name, found in self.columns().items() if name in ("text", "text_pair", "tokens")}
        if same := next((name for name, found in read.items() if found == column), None):
            raise ValueError(f"{same} and {key} are both column {column!r}: the text would give its answer away")

    @property
    def word_column(self) -> str | None:
        return self.tokens

    def inputs(self, table: Table) -> Inputs:
        """What the encoder reads of each row; DataError where a column is missing."""
        if self.tokens is not None:
            return Inputs([" ".join(words) for words in table.items(self.tokens)])
        return Inputs(table.column(self.text), table.column(self.text_pair) if self.text_pair else None)
