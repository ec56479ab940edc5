"""Atomic writes of files."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..spaces.errors import AutotuneError, InputError

_BEGINNING = 4096
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What a disk does, which is no mistake in what the user gave."""


def write_text(path: Path, text: str) -> None:
    """Replace `path`, or what it is a link to, by a file with this text (UTF-8); a kill leaves the old one.

    Raises:
        InputError: it cannot be written there.
        AutotuneError: the disk is full, or fails.
    """
    try:
        path = path.resolve()
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder, "part")
            with part.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
    except RuntimeError as error:  # how Python before 3.13 reports links in a circle
        raise InputError(f"{path}: cannot be written: {error}") from None
    except OSError as error:
        raise unwritable(f"{path}:", error) from None


def unwritable(what: str, error: OSError) -> AutotuneError:
    """The error that says why something cannot be written."""
    kind = AutotuneError if error.errno in DISK else InputError
    return kind(f"{what} cannot be written: {error.strerror}")


def check_new(path: Path, option: str) -> None:
    """Check that a file can be made where nothing is yet.

    Args:
        path: what is to be written.
        option: that names it.

    Raises:
        InputError: there is something of that name, or no folder for it.
    """
    try:
        if path.exists() or path.is_symlink():
            raise InputError(f"{option}: {str(path)!r} already exists and is not overwritten; choose another name")
        if not path.parent.is_dir():
            raise InputError(f"{option}: there is no folder {str(path.parent)!r}")
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{option}: {str(path)!r} cannot be written: {error.strerror}") from None


def check_replaced(path: Path, option: str, kind: str, is_one: Callable[[str], bool]) -> None:
    """Check that a file which is there already is one of ours: a study file or a database would be lost else.

    Args:
        path: what is to be written.
        option: that names it.
        kind: of file, with its article.
        is_one: whether a file that begins so is of that kind.

    Raises:
        InputError: it is something else, or cannot be read or looked up.
    """
    try:
        if not path.exists():
            return
        if path.is_dir():
            raise InputError(f"{option}: {str(path)!r} is a folder; name a file in it")
        if not path.is_file():
            raise InputError(f"{option}: {str(path)!r} is a device or a pipe, which a file would replace; name a file")
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{option}: {str(path)!r} cannot be written: {error.strerror}") from None
    try:
        with path.open("rb") as stream:
            beginning = stream.read(_BEGINNING).decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{option}: {str(path)!r} already exists and cannot be read: {error.strerror}") from None
    if not is_one(beginning):
        raise InputError(f"{option}: {str(path)!r} already exists, and is not {kind}; choose another name")
