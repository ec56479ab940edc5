"""The schema of a study file: one model, from which the messages, the JSON Schema and the help derive.

Nothing here imports torch, so that stored studies are soon read; what takes it is checked in together.py.
"""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from ...objectives.models.names import default_rates
from ...objectives.settings import ObjectiveSettings
from ...spaces.space import LEARNING_RATE, SearchSpace, SpaceSettings
from ...spaces.training import TrainingSettings
from ..settings import ConfirmSettings, SearchSettings

STUDY_NAME = r"(?!.*\.ya?ml$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Never a path: it names files, and a study must not leave its folder. Nor like a study file's, which commands read."""


def default_name(file: str) -> str:
    """The name of a study whose file gives none: the file's own without its ending, as far as a name may have it."""
    stem = re.sub(r"(\.ya?ml)+$", "", Path(file).stem)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-")[:64] or "study"


def _study_name(name: str) -> str:
    if not re.fullmatch(STUDY_NAME, name):
        raise ValueError(
            "a name is up to 64 letters, digits, '.', '_' and '-', the first a letter or a digit, and no file's (.yaml)"
        )
    return name


class StudyFile(ObjectiveSettings):
    """A study of autotune: what is trained and measured, what is searched, and how."""

    name: Annotated[
        str, AfterValidator(_study_name), WithJsonSchema({"type": "string", "pattern": f"^{STUDY_NAME}$"})
    ] = Field(description="the study's name in the storage; by default the file's own")
    storage: str | None = Field(
        default=None,
        description="database URL, of SQLite with a path relative to this file; --storage and AUTOTUNE_STORAGE come "
        "first, sqlite:///autotune.db in the working folder last",
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
            cleaning=self.data.clean.choices,
            over=frozenset(self.search.grid.over) if self.search.grid.over else None,
        )


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
