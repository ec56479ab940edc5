"""Study storage: a SQLite file or a PostgreSQL database, opened for Optuna and for several processes."""

from .address import is_placeless, parsed, storage_option, storage_url
from .failures import storage_errors
from .opening import holds_studies, open_storage, server
from .patience import patiently

__all__ = [
    "holds_studies",
    "is_placeless",
    "open_storage",
    "parsed",
    "patiently",
    "server",
    "storage_errors",
    "storage_option",
    "storage_url",
]
