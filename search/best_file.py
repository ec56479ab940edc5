"""Reading best.yaml back."""

from pathlib import Path

from pydantic import ValidationError

from ..spaces.errors import StudyFileError
from .export import BestConfiguration
from .study_file.yaml_document import read_document


def read_best(path: Path) -> BestConfiguration:
    """Read an export, as YAML or JSON (which is YAML).

    Raises:
        StudyFileError: it is not there, or was changed into something that does not validate.
    """
    if not path.is_file():
        raise StudyFileError(f"{path}: no such file; `autotune study export NAME -o {path.name}` writes it")
    try:
        return BestConfiguration.model_validate(read_document(read_text(path), path.name).values)
    except ValidationError as error:
        lines = (f"{path.name}: {'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise StudyFileError("\n".join(lines)) from None
