"""What `autotune train` does; imported only when it runs."""

import json
from collections.abc import Mapping
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...objectives.data.loading import fingerprint
from ...objectives.data.sources import resolve_source
from ...objectives.prepare import prepare
from ...objectives.tasks.registry import task_type
from ...objectives.training.device import choose_device
from ...objectives.training.production import save_model, train_production
from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import DataError, InputError
from ..best_file import read_best
from ..export import BestConfiguration
from ..writing import write_text
from .consoles import output


def train_command(path: Path, folder: Path, *, all_data: bool, device: str) -> None:
    """Train an exported configuration and write model, tokenizer and metrics.json."""
    best = read_best(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--output: {str(folder)!r} is there already and not empty; choose another folder")
    base = path.parent
    chosen = choose_device(device)
    _check_data(best, base)
    settings = best.settings.model_copy(
        update={"training": best.settings.training.model_copy(update=best.configuration.training)}
    )
    prepared = prepare(settings, _variants(best), base, best.seed, all_data=all_data)
    direction = task_type(settings.tasks[settings.main_task].kind).metrics[settings.metric]
    console = output()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[metric]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        row = bar.add_task("training", total=None, metric="")

        def progress(step: int, total: int, metrics: Mapping[str, float]) -> None:
            shown = f"{settings.metric} {metrics[settings.metric]:.4f}" if metrics else ""
            bar.update(row, completed=step, total=total, metric=shown)

        trained = train_production(
            prepared,
            best.configuration,
            chosen,
            progress,
            metric=settings.metric,
            maximize=direction == "maximize",
            keep_best=not all_data,
        )
    save_model(trained, prepared, folder)
    metrics = {
        "objective": settings.objective,
        "validation": dict(trained.validation) or None,
        "test": dict(trained.test) or None,
        "step": trained.step,
        "seconds": trained.seconds,
    }
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    for name in ("validation", "test"):
        if isinstance(found := metrics[name], dict):
            console.print(f"{name}: {settings.metric} {found[settings.metric]:.4f}")
    console.print(f"wrote {folder}", markup=False)


def _check_data(best: BestConfiguration, base: Path) -> None:
    for text, known in best.fingerprints.items():
        if fingerprint(resolve_source(text, base)) != known:
            raise DataError(f"{text}: not the data that the configuration was found on: its contents changed")


def _variants(best: BestConfiguration) -> AugmentationSpace:
    """Only the variants that this one mix asks for."""
    mix = best.configuration.mix
    operations = [name for name, share in mix.operations.items() if share > 0]
    return AugmentationSpace.model_validate(
        {
            "operations": operations,
            "magnitude": mix.magnitude,
            "levels": 1,
            "replicas": best.replicas,
        }
    )
