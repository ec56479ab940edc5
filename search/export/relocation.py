"""Paths of a study file, rewritten to be relative to the folder of an export."""

import os
from pathlib import Path
from typing import Any

from ...objectives.data.sources import Kind, resolve_source
from ...objectives.places import place_of
from ...objectives.settings import ObjectiveSettings
from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import InputError
from ..beside import FILES, MODELS


class Relocation:
    """Paths relative to one folder, rewritten to be relative to another; all else as it is.

    Nothing absolute comes out: what is named by an absolute path and is not there raises InputError.
    """

    def __init__(self, old: Path, new: Path) -> None:
        self._old = old.resolve()
        self._new = new.resolve()

    def source(self, text: str) -> str:
        """A data source; DataError where it is gone."""
        source = resolve_source(text, self._old)
        if source.kind is Kind.HUB:
            return text
        config = f":{source.config}" if source.config else ""
        split = f"@{source.split}" if source.split != "train" else ""
        return self._path(Path(source.place)) + config + split

    def settings(self, settings: ObjectiveSettings) -> ObjectiveSettings:
        """Data and encoder."""
        content = settings.model_dump(include=set(ObjectiveSettings.model_fields))
        data, model = content["data"], content["model"]
        held_out = [name for name in ("validation", "test") if isinstance(data[name], str)]
        data.update({name: self.source(data[name]) for name in ("train", *held_out)})
        if model["revision"] is None:  # else it is of the Hub, whatever folder has its name now
            model["encoder"] = self.model(model["encoder"], "model.encoder")
        for task in content["tasks"].values():
            if task["data"] is not None:
                files = {name: task["data"][name] for name in ("train", "validation")}
                task["data"].update({name: text and self.source(text) for name, text in files.items()})
        return ObjectiveSettings.model_validate(content)

    def augmentation(self, space: AugmentationSpace) -> AugmentationSpace:
        """Lexicons and models of operations; those of operations that the study does not have are left out."""
        content = space.model_dump()
        for names, rewrite in ((FILES, self._file), (MODELS, self.model)):
            for operation, name in names:
                own: dict[str, Any] = content[operation]
                if operation not in space.operations:
                    own[name] = None
                elif own[name] is not None:
                    own[name] = rewrite(own[name], f"space.augmentation.{operation}.{name}")
        return AugmentationSpace.model_validate(content)

    def model(self, text: str, key: str) -> str:
        """A model's folder; a Hub id or a package's folder stays."""
        folder = place_of(text, self._old)
        return self._path(folder) if folder.is_dir() else self._gone(text, key)

    def _file(self, text: str, key: str) -> str:
        file = place_of(text, self._old)
        return self._path(file) if file.exists() else self._gone(text, key)

    def _gone(self, text: str, key: str) -> str:
        if place_of(text, Path()).is_absolute():
            raise InputError(f"{key}: {text!r} does not exist, so the export could not be trained")
        return text

    def _path(self, path: Path) -> str:
        relative = Path(os.path.relpath(path.resolve(), self._new)).as_posix()
        return f"./{relative}" if relative.startswith("~") else relative
