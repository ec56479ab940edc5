"""Writing files whole or not at all."""

import os
import tempfile
from pathlib import Path

from ..spaces.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Replace `path` by a file with this text (UTF-8); a kill leaves the old one.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as part:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).chmod(0o644)
        Path(part.name).replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
