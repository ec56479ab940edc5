"""A corpus of files that a test writes: tasks by their settings, rows by their columns."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autotune.objectives.corpus.corpus import Corpus
from autotune.objectives.corpus.reading import read_corpus
from autotune.objectives.data.loading import load_table
from autotune.objectives.data.sources import resolve_source
from autotune.objectives.data.table import Table
from autotune.objectives.settings import DataSettings
from autotune.objectives.tasks.kinds import TaskSettings
from autotune.objectives.tasks.registry import make_task
from autotune.objectives.tasks.task import Task
from pydantic import TypeAdapter

Given = Mapping[str, Mapping[str, Any]]
"""Each task's settings, as a study file has them."""

SETTINGS: TypeAdapter[Any] = TypeAdapter(TaskSettings)


def tasks_of(given: Given) -> list[Task[Any]]:
    return [make_task(name, SETTINGS.validate_python(settings)) for name, settings in given.items()]


def write(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("text", "label")) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def table_of(folder: Path, rows: Sequence[Mapping[str, object]]) -> Table:
    """Rows as a JSON Lines file has them."""
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return load_table(resolve_source("rows.jsonl", folder))


def read(
    folder: Path,
    tasks: Given | None = None,
    *,
    all_data: bool = False,
    measured: Sequence[str] = (),
    **data: object,
) -> Corpus:
    """By default the classification `main` of train.csv."""
    settings = DataSettings.model_validate({"train": "train.csv", **data})
    given = tasks_of(tasks or {"main": {"kind": "classification"}})
    return read_corpus(settings, given, folder, seed=0, all_data=all_data, measured=measured)
