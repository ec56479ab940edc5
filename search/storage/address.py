"""The URL of a study's database: where it comes from, and its validation."""

import os
import shlex
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..passwords import masked
from .failures import refusal

_SQLITE = "sqlite:///"
_DRIVER = "psycopg"
"""Of PostgreSQL: version 3, the only one whose errors `patience` can tell apart."""
DEFAULT_URL = "sqlite:///autotune.db"
_ALLOWED = "allowed are sqlite:///FILE and postgresql://HOST/DATABASE, with USER:PASSWORD@ before HOST if it asks"


def storage_url(option: str | None, study_file: str | None, folder: Path = Path()) -> str:
    """Return the first that is given: --storage, AUTOTUNE_STORAGE, the study file's `storage`, the default.

    A relative path is from the working folder, but that of a study file from `folder`, where the file lies.

    Raises:
        StorageError: the study file's is asked for, and no URL of a database that we support.
    """
    given = option or os.environ.get("AUTOTUNE_STORAGE")
    return given or (_from_folder(study_file, folder) if study_file else DEFAULT_URL)


def _from_folder(url: str, folder: Path) -> str:
    """A URL for the working folder of what stands in a study file in that folder."""
    address = parsed(url)
    if address.drivername != "sqlite" or Path(address.database or "").is_absolute() or folder == Path():
        return url
    place = str(folder).replace("%", "%25").replace("?", "%3F")
    return f"{_SQLITE}{place}/{url.removeprefix(_SQLITE)}"


def storage_option(url: str) -> str:
    """What a command must be told to find this storage: nothing of the one that it takes by itself."""
    return "" if url == storage_url(None, None) else f" --storage {shlex.quote(masked(url))}"


def is_placeless(url: str) -> bool:
    """Whether what a command must be told of this storage names no place: neither a server nor a folder from `/` on."""
    file = url.removeprefix(_SQLITE)
    return not storage_option(url) or (file != url and not Path(file).is_absolute())


def parsed(url: str) -> URL:
    """The URL with its driver.

    Raises:
        StorageError: it is no URL of a database that we support.
    """
    try:
        address = make_url(url)
        backend, driver = address.get_backend_name(), address.drivername
    except (ArgumentError, ValueError):
        raise refusal(url, f"is not the URL of a database; {_ALLOWED}") from None
    if driver == "sqlite":
        _check_file_url(address, url)
        return address
    if backend not in {"postgres", "postgresql"}:
        raise refusal(url, f"names the database {backend!r}, which is not supported; {_ALLOWED}")
    if "@" in f"{address.host}{address.database}":
        raise refusal(url, "has an @ too many: in a name or password write it as %40, and / as %2F")
    if (other := driver.partition("+")[2]) not in {"", _DRIVER}:
        raise refusal(url, f"names the driver {other!r}; write postgresql://, which takes {_DRIVER}")
    return address.set(drivername=f"postgresql+{_DRIVER}")


def _check_file_url(address: URL, url: str) -> None:
    if address.host:
        raise refusal(url, "needs three slashes before a relative path and four before an absolute one")
    if address.database in {None, "", ":memory:"} or address.query:
        raise refusal(url, "must name a plain file: a study outlives the process")
