"""The folder that `autotune train` writes, and the hidden one next to it for an unfinished training."""

import json
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ...objectives.caching import content_hash
from ...objectives.training.checkpoints import CheckpointStore
from ...spaces.errors import InputError
from ..writing import unwritable, write_text

Facts = Mapping[str, str | int | bool | None]
"""All that a training's course follows from, by what the user calls it."""

_FACTS = "training.json"
_LAST = "config.json"
"""What a model's folder gets last (objectives/training/exporting.py): something else may lie in it."""


@dataclass(frozen=True)
class Destination:
    """Where a model will be, and where its training is kept until then."""

    folder: Path
    facts: Facts

    @property
    def work(self) -> Path:
        """The hidden folder; it is there only while a training is unfinished."""
        return self.folder.absolute().parent / f".{self.folder.absolute().name}.training"

    @property
    def store(self) -> CheckpointStore:
        """The training's states; those of another training are as good as none."""
        return CheckpointStore(self.work, content_hash([json.dumps(dict(self.facts), sort_keys=True)]), sys.maxsize)


@contextmanager
def held(folder: Path, facts: Facts) -> Generator[Destination]:
    """Hold a destination until the model is there or the training stopped.

    What is left of an unfinished training stays for the same command to go on with; if nothing was saved yet, nothing
    stays.

    Args:
        folder: new or empty.
        facts: of the training that is to be done.

    Raises:
        InputError: the folder is not empty or cannot be written, another process trains into it, or it has an
            unfinished training of other facts.
        AutotuneError: the disk is full, or fails.
    """
    _check_room(folder)
    destination = Destination(folder, facts)
    work = destination.work
    made = [place for place in work.parents if not place.exists()]
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise InputError(f"--output: another `autotune train` is already using {str(folder)!r}") from None
    except OSError as error:
        raise unwritable(f"--output: {str(work)!r}", error) from None
    try:
        _claim(destination)
        yield destination
    finally:
        if not destination.store.sizes() or (folder / _LAST).is_file():
            shutil.rmtree(work, ignore_errors=True)
        lock.release()
        for place in made:
            with suppress(OSError):  # not empty: the model is there, or its training
                place.rmdir()


def _check_room(folder: Path) -> None:
    """Check that `folder` can be made later on, before hours are spent on what it shall hold.

    Raises:
        InputError: it holds something already, or cannot be written there.
        AutotuneError: the disk is full, or fails.
    """
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"--output: {str(folder)!r} is a broken link; create its target, or choose another folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--output: {str(folder)!r} already exists and is not empty; choose another folder")
    place = next(place for place in folder.absolute().parents if place.exists())
    try:
        with tempfile.TemporaryDirectory(dir=place):
            pass
    except OSError as error:
        raise unwritable(f"--output: {str(folder)!r}", error) from None


def _claim(destination: Destination) -> None:
    """Note what is trained here, or check that it is what an unfinished training trained."""
    file = destination.work / _FACTS
    if destination.store.sizes() and (other := _differences(_noted(file), destination.facts)):
        raise InputError(
            f"--output: {str(destination.folder)!r} has an unfinished training with {', '.join(other)}: give the same "
            f"to resume it, choose another folder, or delete {str(destination.work)!r}"
        )
    write_text(file, json.dumps(dict(destination.facts), indent=2) + "\n")


def _noted(file: Path) -> dict[str, object]:
    """What an earlier command noted; nothing where that cannot be read."""
    with suppress(OSError, ValueError):
        noted = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(noted, dict):
            return noted
    return {}


def _differences(noted: Mapping[str, object], facts: Facts) -> list[str]:
    return [
        f"{name} {noted.get(name, 'unknown')} (now {value})"
        for name, value in facts.items()
        if noted.get(name, "unknown") != value
    ]
