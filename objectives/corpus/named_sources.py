"""What a study's settings name as data, with the encoding that they give for it."""

from dataclasses import replace
from pathlib import Path

from ..data.sources import Source, resolve_source
from ..settings import ObjectiveSettings


def named_source(text: str, settings: ObjectiveSettings, base: Path) -> Source:
    """The source that `text`, which the settings name, is read from; paths are relative to the folder `base`.

    Raises:
        DataError: there is none.
    """
    own = (task.data for task in settings.tasks.values() if task.data is not None)
    data = next((data for data in own if text in (data.train, data.validation)), settings.data)
    return replace(resolve_source(text, base), encoding=data.encoding)
