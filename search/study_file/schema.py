"""What a study file may say: one model, from which the messages, the JSON Schema and the help derive."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from torch import nn

from ...objectives.augmentation.bank import TEXT_OPERATIONS
from ...objectives.models.encoders import default_rates
from ...objectives.prepare import check_objective
from ...objectives.settings import ObjectiveSettings
from ...objectives.tasks.registry import task_type
from ...spaces.errors import StudyFileError
from ...spaces.space import LEARNING_RATE, SearchSpace, SpaceSettings
from ...spaces.training import TrainingSettings
from ..settings import SearchSettings

STUDY_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Never a path: it names files, and a study must not leave its folder."""
TASK_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
"""A name of a part of torch's modules, and of Optuna's parameters: no dots."""


def _study_name(name: str) -> str:
    if not re.fullmatch(STUDY_NAME, name):
        raise ValueError("a name is up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit")
    return name


class StudyFile(ObjectiveSettings):
    """A study of autotune: what is trained and measured, what is searched, and how."""

    name: Annotated[
        str, AfterValidator(_study_name), WithJsonSchema({"type": "string", "pattern": f"^{STUDY_NAME}$"})
    ] = Field(description="the study's name in the storage")
    storage: str | None = Field(
        default=None, description="database URL; --storage and AUTOTUNE_STORAGE come first, sqlite:///autotune.db last"
    )
    space: SpaceSettings = Field(default_factory=SpaceSettings, description="what is searched")
    search: SearchSettings = Field(default_factory=SearchSettings, description="how it is searched")

    def search_space(self) -> SearchSpace:
        """The space; where the file gives no learning rates, the range that suits the encoder."""
        return SearchSpace(
            settings=self.space,
            auxiliaries=tuple(self.auxiliary_tasks),
            learning_rate=self.space.learning_rate or default_rates(self.model.encoder),
            training=self.training,
        )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """Raise what single keys cannot show, all of it at once and each at its place."""
        found = [*_task_mistakes(self), *_objective_mistakes(self)]
        if found:
            raise ValidationError.from_exception_data(type(self).__name__, [_detail(*mistake) for mistake in found])
        return self


_Located = tuple[tuple[str | int, ...], str]


def _detail(path: tuple[str | int, ...], text: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("study_file", "{text}", {"text": text}), loc=path, input=None)


def _task_mistakes(study: StudyFile) -> Iterator[_Located]:
    if study.tasks[study.main_task].data is not None:
        yield ("tasks", study.main_task, "data"), "the main task's rows are those of data.train; leave this out"
    earlier: dict[str, str] = {}
    for name, task in study.tasks.items():
        if not re.fullmatch(TASK_NAME, name):
            yield ("tasks", name), "a task's name is letters, digits, '_' and '-', the first a letter or '_'"
        elif hasattr(nn.ModuleDict(), name):  # torch keeps heads by name, beside its own attributes
            yield ("tasks", name), "torch uses this name itself; call the task something else"
        rows = task.data.train if task.data else study.data.train
        same = earlier.setdefault(f"{task.model_dump(exclude={'data'})} {rows}", name)
        if same != name:
            yield ("tasks", name), f"the same task as {same!r}; give it another label column, or data of its own"


def _objective_mistakes(study: StudyFile) -> Iterator[_Located]:
    tasks = [task_type(task.kind)(name, task) for name, task in study.tasks.items()]
    try:
        check_objective(study.objective, tasks)
    except StudyFileError as error:
        key, _, text = str(error).partition(": ")
        yield ("tasks", tasks[0].name) if key == "tasks" else ("objective",), text.removeprefix(f"{tasks[0].name}: ")
    for place, operation in enumerate(study.space.augmentation.operations):
        if operation not in TEXT_OPERATIONS and not tasks[0].mixes:
            path = ("space", "augmentation", "operations", place)
            yield path, f"{operation!r} cannot blend the rows of a {tasks[0].kind} task; leave it out"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study file, for editors that complete and check while one types."""
    schema = StudyFile.model_json_schema()
    schema["properties"] = {"name": schema["properties"].pop("name"), **schema["properties"]}
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
