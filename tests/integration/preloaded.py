"""What the server of forks imports, once; frozen, so that no fork's garbage collection touches and copies it all."""

import gc
import importlib

for name in (
    "alembic.command",
    "autotune.search.cli.studying",
    "autotune.search.cli.training",
    "autotune.search.report.live",
    "datasets",
    "optuna.storages._rdb.storage",
    "pytest",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.orm",
    "transformers.models.bert.modeling_bert",
):
    importlib.import_module(name)
gc.collect()
gc.freeze()
