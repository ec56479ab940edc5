"""One task's rows."""

from dataclasses import dataclass
from typing import Any

from ..data.table import Table
from ..tasks.task import Task


@dataclass(frozen=True)
class TaskTables:
    """A fitted task, what it trains on, and what it is measured on, if it is."""

    task: Task[Any]
    train: Table
    validation: Table | None = None

    @property
    def shares(self) -> bool:
        """Whether its rows are the main task's."""
        return self.task.settings.data is None
