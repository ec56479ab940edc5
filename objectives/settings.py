"""The study file's `data:`, `model:` and `tasks:`: everything that decides what a trial measures."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ..spaces.settings import Settings
from ..spaces.training import TrainingSettings
from .tasks.registry import TaskSettings


def _fraction(value: float | str) -> float | str:
    if not isinstance(value, str) and not 0 < value < 1:
        raise ValueError(f"a share of the training rows between 0 and 1 (0.2), or a file; not {value:g}")
    return value


class CleaningSettings(Settings):
    """What is dropped from the training rows. The files themselves are never changed."""

    deduplicate: bool = Field(default=True, description="drop later copies of a text with the same label")
    drop_conflicting_labels: bool = Field(default=True, description="drop every copy of a text with several labels")
    drop_leaks: bool = Field(default=True, description="drop training texts that stand in validation or test")


class DataSettings(Settings):
    """Where the main task's rows come from."""

    train: str = Field(
        min_length=1,
        description="CSV, TSV, JSONL or Parquet file (relative to this file), or a Hub data set owner/name",
    )
    validation: Annotated[float | str, AfterValidator(_fraction)] = Field(
        default=0.2, description="a stratified, seeded share of the training rows, or a file"
    )
    test: str | None = Field(default=None, description="a file that the search never touches")
    clean: CleaningSettings = Field(default_factory=CleaningSettings, description="what is dropped from training")


class ModelSettings(Settings):
    """The shared encoder."""

    encoder: str = Field(
        min_length=1,
        description="Hub id, local folder, package:NAME/FOLDER, or scratch:tiny | scratch:mini (no download)",
    )
    max_length: int = Field(default=128, ge=4, le=8192, description="tokens of a text; the rest is cut off")
    trim_vocabulary: bool = Field(
        default=True, description="keep only the tokens the study can see; the export has the full table again"
    )


class ObjectiveSettings(Settings):
    """All that fixes what one trial trains on and is measured by."""

    objective: str = Field(description="<main task>.<metric>, on validation data")
    data: DataSettings = Field(description="the main task's rows")
    model: ModelSettings = Field(description="the shared encoder")
    tasks: dict[str, TaskSettings] = Field(min_length=1, description="the first is the main task")
    training: TrainingSettings = Field(default_factory=TrainingSettings, description="how a trial is trained")

    @property
    def main_task(self) -> str:
        return next(iter(self.tasks))

    @property
    def auxiliary_tasks(self) -> list[str]:
        return list(self.tasks)[1:]

    @property
    def metric(self) -> str:
        return self.objective.partition(".")[2]
