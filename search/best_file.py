"""Reading best.yaml back."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from ..spaces.errors import StudyFileError
from .export import BestConfiguration


def read_best(path: Path) -> BestConfiguration:
    """Read an export, as YAML or JSON (which is YAML).

    Raises:
        StudyFileError: it is not there, or was changed into something that does not validate.
    """
    if not path.is_file():
        raise StudyFileError(f"{path}: no such file; `autotune study export NAME -o {path.name}` writes it")
    try:
        return BestConfiguration.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyFileError(f"{path}: no YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        lines = (f"{path}: {'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise StudyFileError("\n".join(lines)) from None
