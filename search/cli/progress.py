"""Progress of a production training: a bar on a terminal, else a line for each tenth and each evaluation."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from ...objectives.training.production import TrainingProgress
from ..wording import number
from .consoles import output, tell


@contextmanager
def watched(metric: str) -> Generator[TrainingProgress]:
    """Shows steps, and the metric of the last evaluation."""
    console = output()
    if not console.is_terminal:
        yield _PlainLines(metric)
        return
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[metric]}"))
    with ProgressBar(*columns, TimeRemainingColumn(), console=console) as bar:
        row = bar.add_task("", total=None, metric="")

        def progress(step: int, total: int, metrics: Mapping[str, float]) -> None:
            bar.update(row, completed=step, total=total)
            if metrics:
                bar.update(row, metric=_told(metric, metrics))

        yield progress


class _PlainLines:
    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._tenths = 0

    def __call__(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        tenths = 10 * step // total
        if metrics or tenths > self._tenths:
            tell(f"step {step}/{total}{' ' + _told(self._metric, metrics) if metrics else ''}")
        self._tenths = tenths


def _told(metric: str, metrics: Mapping[str, float]) -> str:
    return f"{metric} {number(metrics[metric])}"
