"""What a study exports, in one call."""

from pathlib import Path

from autotune.search.confirmation.reading import read_confirmation
from autotune.search.export.best_file import BestConfiguration
from autotune.search.export.chosen import choose
from autotune.search.export.exporting import export_of
from autotune.search.study import StudyRecord


def best_configuration(
    record: StudyRecord, folder: Path, number: int | None = None, name: str = "best.yaml"
) -> BestConfiguration:
    """The best configuration, or that of trial `number`, as `study export` writes it into `folder`."""
    confirmed = read_confirmation(record)
    return export_of(record, confirmed, choose(record, confirmed, number), folder, name)
