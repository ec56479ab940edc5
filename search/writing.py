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
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder, "part")
            with part.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def check_room(folder: Path) -> None:
    """Check that `folder` can be made later on, before hours are spent on what it shall hold.

    Raises:
        InputError: it holds something already, or cannot be written there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--output: {str(folder)!r} is there already and not empty; choose another folder")
    place = next(place for place in folder.absolute().parents if place.exists())
    try:
        with tempfile.TemporaryDirectory(dir=place):
            pass
    except OSError as error:
        raise InputError(f"--output: {str(folder)!r} cannot be written: {error.strerror}") from None
