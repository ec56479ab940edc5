"""What `autotune train` does; imported only when it runs."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from ...objectives.prepare import prepare
from ...objectives.training.device import choose_device
from ...objectives.training.judge import baseline_judge
from ...objectives.training.production import Progress, Trained, save_model, train_production
from ..best_data import check_data, check_labels
from ..best_file import read_best
from ..writing import check_room, write_text
from .consoles import generation, output, tell


def train_command(path: Path, folder: Path, *, all_data: bool, device: str) -> None:
    """Train an exported configuration and write model, tokenizer and metrics.json."""
    best, base = read_best(path), path.parent
    check_room(folder)
    chosen = choose_device(device)
    check_data(best, base)
    settings = best.settings
    if settings.data.folds is not None and not all_data:
        tell(f"validation was {settings.data.folds} folds of the training rows: training on all rows, to the last step")
        all_data = True
    judge = partial(baseline_judge, settings, base, best.seed, chosen)
    with generation() as generating:
        prepared = prepare(
            settings,
            best.augmentation,
            base,
            best.seed,
            cleaning=best.cleaning,
            all_data=all_data,
            progress=generating,
            judge=judge,
        )
    check_labels(best, prepared.corpus)
    with _watched(settings.metric) as progress:
        trained = train_production(
            prepared,
            best.configuration,
            chosen,
            progress,
            metric=settings.metric,
            maximize=settings.directions[0] == "maximize",
            keep_best=not all_data,
        )
    save_model(trained, prepared, folder)
    metrics = _metrics(settings.objective, trained)
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    for name, found in (("validation", trained.validation), ("test", trained.test)):
        if found:
            tell(f"{name}: {settings.metric} {found[settings.metric]:.4f}")
    tell(f"wrote {folder}")


@contextmanager
def _watched(metric: str) -> Generator[Progress]:
    """A progress bar on a terminal, else a line for each tenth of the way."""
    console = output()
    if not console.is_terminal:
        yield _PlainLines(metric)
        return
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[metric]}"))
    with ProgressBar(*columns, TimeRemainingColumn(), console=console) as bar:
        row = bar.add_task("", total=None, metric="")

        def progress(step: int, total: int, metrics: Mapping[str, float]) -> None:
            bar.update(row, completed=step, total=total, metric=_told(metric, metrics))

        yield progress


class _PlainLines:
    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._tenths = 0

    def __call__(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        if 10 * step // total > self._tenths:
            self._tenths = 10 * step // total
            tell(f"step {step}/{total} {_told(self._metric, metrics)}")


def _told(metric: str, metrics: Mapping[str, float]) -> str:
    return f"{metric} {metrics[metric]:.4f}" if metrics else ""


def _metrics(objective: str | list[str], trained: Trained) -> dict[str, object]:
    return {
        "objective": objective,
        "validation": dict(trained.validation) or None,
        "test": dict(trained.test) or None,
        "step": trained.step,
        "seconds": trained.seconds,
    }
