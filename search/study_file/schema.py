"""What a study file may say: one model, from which the messages, the JSON Schema and the help derive."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, model_validator

from ...objectives.checking import check_objective, check_operations
from ...objectives.droppable import standing_choices
from ...objectives.models.encoders import default_rates
from ...objectives.settings import ObjectiveSettings
from ...objectives.tasks.registry import task_type
from ...objectives.training.checking import check_training
from ...spaces.errors import StudyFileError
from ...spaces.space import LEARNING_RATE, SearchSpace, SpaceSettings
from ...spaces.training import TrainingSettings
from ..samplers import ONE_OBJECTIVE_ONLY
from ..settings import ConfirmSettings, GridSettings, SearchSettings
from .document import Path as Place
from .document import located
from .mistakes import nearest

STUDY_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Never a path: it names files, and a study must not leave its folder."""


def default_name(file: str) -> str:
    """The name of a study whose file gives none: the file's own without its ending, as far as a name may have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file).stem).lstrip("._-")[:64] or "study"


def _study_name(name: str) -> str:
    if not re.fullmatch(STUDY_NAME, name):
        raise ValueError("a name is up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit")
    return name


class StudyFile(ObjectiveSettings):
    """A study of autotune: what is trained and measured, what is searched, and how."""

    name: Annotated[
        str, AfterValidator(_study_name), WithJsonSchema({"type": "string", "pattern": f"^{STUDY_NAME}$"})
    ] = Field(description="the study's name in the storage; by default the file's own")
    storage: str | None = Field(
        default=None, description="database URL; --storage and AUTOTUNE_STORAGE come first, sqlite:///autotune.db last"
    )
    space: SpaceSettings = Field(default_factory=SpaceSettings, description="what is searched")
    search: SearchSettings = Field(default_factory=SearchSettings, description="how it is searched")
    confirm: ConfirmSettings | None = Field(
        default=None, description="what `run` trains on fresh seeds at its end; without it, only `study confirm` does"
    )

    def search_space(self) -> SearchSpace:
        """The space; where the file gives no learning rates, the range that suits the encoder."""
        return SearchSpace(
            settings=self.space,
            auxiliaries=tuple(self.auxiliary_tasks),
            learning_rate=self.space.learning_rate or default_rates(self.model.encoder),
            training=self.training,
            measured=tuple(self.measured_tasks),
            cleaning=standing_choices(self.data.clean),
            over=frozenset(self.search.grid.over) if self.search.grid.over else None,
        )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """Raise what single keys cannot show, all of it at once and each at its place."""
        found = [
            *_task_mistakes(self),
            *_objective_mistakes(self),
            *_several_mistakes(self),
            *_grid_mistakes(self),
            *_training_mistakes(self),
        ]
        if found:
            raise ValidationError.from_exception_data(type(self).__name__, [located(*mistake) for mistake in found])
        return self


def _task_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    if study.tasks[study.main_task].data is not None:
        yield ("tasks", study.main_task, "data"), "the main task's rows are those of data.train; leave this out"
    earlier: dict[str, str] = {}
    for name, task in study.tasks.items():
        rows = task.data.train if task.data else study.data.train
        same = earlier.setdefault(f"{task.model_dump(exclude={'data'})} {rows}", name)
        if same != name:
            yield ("tasks", name), f"the same task as {same!r}; give it another label column, or data of its own"


def _objective_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    tasks = [task_type(task.kind)(name, task) for name, task in study.tasks.items()]
    try:
        check_objective(study.objective, tasks)
    except StudyFileError as error:
        key, _, text = str(error).partition(": ")
        yield ("tasks", tasks[0].name) if key == "tasks" else ("objective",), text.removeprefix(f"{tasks[0].name}: ")
    try:
        check_operations(study.space.augmentation.operations, tasks[0])
    except StudyFileError as error:
        path = ("space", "augmentation", "operations")
        for line in str(error).splitlines():
            yield path, line.removeprefix(f"{': '.join(path)}: ")


def _several_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    """What cannot search several objectives."""
    search = study.search
    if len(study.objectives) > 1 and search.pruner not in {"auto", "none"}:
        text = f"{search.pruner!r}: several objectives put trials in no one order to prune by; write auto or none"
        yield ("search", "pruner"), text
    if len(study.objectives) > 1 and search.sampler in ONE_OBJECTIVE_ONLY:
        yield ("search", "sampler"), f"{search.sampler!r} searches one objective only; try auto or gp"


def _grid_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    search, grid = study.search, study.search.grid
    if search.sampler != "grid" and grid != GridSettings():
        yield ("search", "grid"), f"belongs to `sampler: grid`; the sampler is {search.sampler}"
    every = list(replace(study.search_space(), over=None).distributions)
    for place, name in enumerate(grid.over or []):
        if name not in every:
            text = f"{name!r}: nothing of that name is searched{nearest(name, every)} allowed: {', '.join(every)}"
            yield ("search", "grid", "over", place), text


def _training_mistakes(study: StudyFile) -> Iterator[tuple[Place, str]]:
    auxiliaries, folds = len(study.auxiliary_tasks), study.data.folds is not None
    try:
        check_training(study.training, study.space.training, auxiliaries, folds=folds)
    except StudyFileError as error:
        for line in str(error).splitlines():
            depth = 3 if line.startswith("space") else 2
            *path, text = line.split(": ", depth)
            yield tuple(path), text


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study file, for editors that complete and check while one types."""
    schema = StudyFile.model_json_schema()
    first = ("name", "objective")
    schema["properties"] = {**{key: schema["properties"][key] for key in first}, **schema["properties"]}
    schema["required"].remove("name")  # reading takes it from the file's own
    searched = schema["$defs"]["SpaceSettings"]["properties"]["training"]
    setting = searched["additionalProperties"]
    searched["properties"] = {
        name: {**setting, "description": field.description}
        for name, field in TrainingSettings.model_fields.items()
        if name != LEARNING_RATE
    }
    searched["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "autotune study file",
        **{key: value for key, value in schema.items() if key != "title"},
    }
