"""The study file's `data:`, `model:` and `tasks:`: everything that decides what a trial measures.

Nothing here imports torch: a stored study is read without it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from ..spaces.configuration import SettingValue
from ..spaces.settings import Settings
from ..spaces.training import TrainingSettings
from .models.names import LOCAL
from .tasks.kinds import TaskSettings
from .tasks.settings import Direction, Encoding, OptionalColumn


def _fraction(value: float | str) -> float | str:
    if not isinstance(value, str) and not 0 < value < 1:
        raise ValueError(f"a share of the training rows between 0 and 1 (0.2), a file, or {{folds: 5}}; not {value:g}")
    return value


class Folds(Settings):
    """Cross-validation: each part of the training rows is held out once."""

    folds: int = Field(
        ge=2, le=20, description="stratified, seeded parts; a trial trains once for each, and its value is their mean"
    )


def _held_out(value: object) -> str:
    """Which form was meant, so that a mistake is told of that one alone."""
    return "parts" if isinstance(value, Mapping | Folds) else "rows"


Validation = Annotated[
    Annotated[float | str, AfterValidator(_fraction), Tag("rows")] | Annotated[Folds, Tag("parts")],
    Discriminator(_held_out),
]


class CleaningSettings(Settings):
    """What is repaired in all rows, and dropped from the training rows. The files themselves are never changed."""

    repair_text: bool = Field(
        default=True,
        description="repair texts that were decoded with a wrong encoding (cafÃ©), in all rows; not "
        "where a span task has `start`",
    )
    merge_labels: bool = Field(
        default=True,
        description="labels (classification, multi_label) that differ only in case, in blanks or as 1 and 1.0 do "
        "become the most frequent one of them, in training, validation and test",
    )
    deduplicate: bool = Field(default=True, description="drop later copies of a text with the same label")
    near_duplicates: float | None = Field(
        default=None,
        ge=0.5,
        le=1,
        description="drop later near-copies of a text with the same label: the share of characters that must be "
        "equal; null: none",
    )
    drop_conflicting_labels: bool = Field(default=True, description="drop every copy of a text with several labels")
    drop_leaks: bool = Field(default=True, description="drop training texts that occur in validation or test")
    near_leaks: float | None = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="with drop_leaks: drop training texts that are near-copies of validation or test texts with the "
        "same label, too: the share of characters that must be equal; null: none",
    )
    suspect_labels: Literal["ignore", "report", "drop"] = Field(
        default="ignore",
        description="main-task training labels (classification) that cross-validated predictions contradict; needs "
        "cleanlab, the extra suspects",
    )

    @property
    def choices(self) -> dict[str, SettingValue]:
        """What it says of all that can be searched: the baseline's."""
        return {"drop_suspect_labels": self.suspect_labels == "drop", "near_duplicates": self.near_duplicates}


class DataSettings(Settings):
    """Where the main task's rows come from."""

    train: str = Field(
        min_length=1,
        description="CSV, TSV, JSON, Parquet or CoNLL file or folder (relative to this file), or a Hub data set",
    )
    validation: Validation = Field(
        default=0.2,
        description="a seeded share of the training rows, stratified by class or number where a row has one; a file or "
        "Hub data set; or {folds: 5}",
    )
    test: str | None = Field(default=None, description="a file or Hub data set that the search never touches")
    encoding: Encoding = Field(
        default=None,
        description="of text files without a byte order mark, such as cp1252 or gb18030 (Python's names); null: UTF-8",
    )
    group: OptionalColumn = Field(
        default=None,
        description="column with what belongs together (a document, a patient): rows with the same value are never on "
        "both sides of a split; an empty cell stands alone",
    )
    clean: CleaningSettings = Field(
        default_factory=CleaningSettings, description="what is repaired, and dropped from training"
    )

    @property
    def folds(self) -> int | None:
        """Into how many parts the rows are cut, None without cross-validation."""
        return self.validation.folds if isinstance(self.validation, Folds) else None


Pooling = Literal["auto", "last", "mean"]


class ModelSettings(Settings):
    """The shared encoder."""

    encoder: str = Field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        min_length=1,
        description="Hub id, local folder, package:NAME/FOLDER, or scratch:tiny | scratch:mini (no download)",
    )
    revision: str | None = Field(
        default=None,
        min_length=1,
        description="branch, tag or commit of an encoder of the Hub; null: its main branch. A study keeps the commit "
        "that this stood for when it was created",
    )
    max_length: int = Field(default=128, ge=4, le=8192, description="tokens of a text; the rest is truncated")
    pooling: Pooling = Field(
        default="auto",
        description="how a decoder-only encoder (GPT-2) makes one vector of a text: auto and last read its last token; "
        "mean reads all tokens alike, in auxiliary tasks only, because transformers cannot load such a main task",
    )
    trim_vocabulary: bool = Field(
        default=True, description="keep only the tokens the study can see; the export has the full table again"
    )

    @field_validator("revision")
    @classmethod
    def _is_of_the_hub(cls, revision: str | None, info: ValidationInfo) -> str | None:
        """What lies on this machine has none. A folder whose name is like a Hub id is found when it is opened."""
        encoder = info.data.get("encoder", "")
        if revision is not None and encoder.startswith(LOCAL):
            raise ValueError(f"only encoders of the Hub have revisions, and {encoder!r} is none; leave this out")
        return revision


def _task_name(name: str) -> str:
    if not re.fullmatch(TASK_NAME, name):
        raise PydanticCustomError(
            "task_name", "a task's name is letters, digits, '_' and '-', the first a letter or '_'"
        )
    return name


TASK_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
"""A name of a part of torch's modules, and of Optuna's parameters: no dots."""
TaskName = Annotated[str, AfterValidator(_task_name), WithJsonSchema({"type": "string"})]


def _first_metric(given: Mapping[str, Any]) -> str:
    """The default objective; of a task without metrics nothing, which the check of the objective explains."""
    name, task = next(iter(given["tasks"].items()))
    return f"{name}.{next(iter(task.metrics), '')}"


COSTS = ("cost.gflops", "cost.parameters")
"""What the exported model takes: 10^9 operations for one row, 10^6 parameters. Less is better."""


def _several(objective: list[str]) -> list[str]:
    if not 2 <= len(objective) <= 3 or len(set(objective)) < len(objective):
        raise ValueError("several objectives are a list of 2 or 3, each another")
    return objective


def _how_many(value: object) -> str:
    return "several" if isinstance(value, list) else "one"


Objective = Annotated[
    Annotated[str, Tag("one")]
    | Annotated[
        list[str],
        AfterValidator(_several),
        Tag("several"),
        Field(json_schema_extra={"minItems": 2, "maxItems": 3, "uniqueItems": True}),
    ],
    Discriminator(_how_many),
]


class ObjectiveSettings(Settings):
    """All that fixes what one trial trains on and is measured by."""

    data: DataSettings = Field(description="the main task's rows")
    model: ModelSettings = Field(default_factory=ModelSettings, description="the shared encoder")
    tasks: dict[TaskName, TaskSettings] = Field(min_length=1, description="the first is the main task")
    objective: Objective = Field(
        default_factory=_first_metric,
        description="<main task>.<metric>, on validation data; by default the first metric of the main task's kind. Or "
        f"a list that begins with one: metrics of any tasks, {' and '.join(COSTS)}",
    )
    training: TrainingSettings = Field(default_factory=TrainingSettings, description="how a trial is trained")

    @property
    def main_task(self) -> str:
        return next(iter(self.tasks))

    @property
    def auxiliary_tasks(self) -> list[str]:
        return list(self.tasks)[1:]

    @property
    def objectives(self) -> list[str]:
        """All objectives; by the first a trial's best step is chosen."""
        return [self.objective] if isinstance(self.objective, str) else self.objective

    @property
    def metric(self) -> str:
        """The main task's metric that is the first objective."""
        return self.objectives[0].partition(".")[2]

    @property
    def measures(self) -> list[str]:
        """The objectives' names in `Evaluation.metrics`, where the main task's metrics have plain names."""
        return [objective.removeprefix(f"{self.main_task}.") for objective in self.objectives]

    @property
    def directions(self) -> list[Direction]:
        """Which way each objective is better."""
        return [self._direction(objective) for objective in self.objectives]

    @property
    def maximize(self) -> bool:
        """Whether the first objective is better the greater it is."""
        return self.directions[0] == "maximize"

    def _direction(self, objective: str) -> Direction:
        if objective in COSTS:
            return "minimize"
        task, _, metric = objective.partition(".")
        return self.tasks[task].metrics[metric]

    @property
    def measured_tasks(self) -> list[str]:
        """The auxiliary tasks that an objective is a metric of."""
        named = {objective.partition(".")[0] for objective in self.objectives if objective not in COSTS}
        return [task for task in self.auxiliary_tasks if task in named]
