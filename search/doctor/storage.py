"""The database that a command would use: can it be reached and written, and what is in it?"""

import os
from pathlib import Path

from sqlalchemy import text

from ...spaces.errors import AutotuneError
from ..passwords import masked
from ..storage import holds_studies, server, storage_errors, timeouts
from ..study import list_studies
from .check import Check, State


def find_storage(url: str) -> Check:
    """Look into the database of a URL; one that is not there yet is not made."""
    advice = "see --storage URL, AUTOTUNE_STORAGE and docs/many-hosts.md"
    try:
        there = holds_studies(url)
        if why := _unwritable(url, is_new=not there):
            return Check("storage", State.WRONG, f"{masked(url)}: {why}", advice)
        count = len(list_studies(url)) if there else 0
    except AutotuneError as error:
        return Check("storage", State.WRONG, str(error), advice)
    except OSError as error:
        return Check("storage", State.WRONG, f"{masked(url)}: cannot be used: {error.strerror}", advice)
    studies = f"{count} {'study' if count == 1 else 'studies'}" if there else "no studies yet; the first one creates it"
    return Check("storage", State.OK, f"{masked(url)}: {studies}")


def _unwritable(url: str, *, is_new: bool) -> str | None:
    """Why studies could be read, but not written."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        if not os.access(file.parent, os.W_OK | os.X_OK):
            return f"the folder {str(file.parent)!r} cannot be written"
        return None if not file.exists() or os.access(file, os.W_OK) else "the file cannot be written"
    right = "has_schema_privilege(current_schema(), 'CREATE')" if is_new else "has_table_privilege('trials', 'INSERT')"
    question = text(f"SELECT current_setting('transaction_read_only') = 'on', {right}")
    with storage_errors(url, timeouts.OPENING_S), server(url).connect() as connection:
        is_read_only, may_write = connection.execute(question).one()
    if is_read_only:
        return "the server is read-only, or a standby"
    return None if may_write else "this user may not write to it"
