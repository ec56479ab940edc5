"""Where a study's checkpoints are on this machine."""

import shutil
from pathlib import Path

from sqlalchemy import make_url

from ..objectives.caching import cache_folder, content_hash
from .locking import database
from .study import confirmation_name


def checkpoint_folder(name: str, url: str) -> Path:
    """The folder of an Optuna study's trials, in the cache; two databases may have studies of one name."""
    server = make_url(url)
    where = [database(url)] if server.host is None else [database(url), f"{server.host}:{server.port}"]
    return cache_folder() / "checkpoints" / content_hash([*where, name])[:32]


def remove_checkpoints(name: str, url: str) -> None:
    """Remove all checkpoints of a study that is deleted."""
    for each in (name, confirmation_name(name)):
        shutil.rmtree(checkpoint_folder(each, url), ignore_errors=True)
