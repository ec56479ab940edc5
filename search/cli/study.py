"""`autotune study …`: its commands, options and help. The work is done elsewhere."""

import atexit
import gc
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ...spaces.errors import InputError
from ..executors.placement import ExecutorName
from ..export.formats import Format
from ..limits import CANDIDATES, MOST_CANDIDATES, MOST_SEEDS, SEEDS

app = typer.Typer(help="Create, run and read studies.", no_args_is_help=True, rich_markup_mode=None)

Storage = Annotated[
    str | None,
    typer.Option(
        help="Database URL; else AUTOTUNE_STORAGE, the study file's, or sqlite:///autotune.db.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The study's name.")]
Target = Annotated[str, typer.Argument(metavar="NAME|FILE", help="The study's name, or its study file.")]


def file_path(given: str | Path) -> Path:
    """The path that an option gives of a file; a Path alone loses the slash by which somebody means a folder."""
    if str(given).endswith(os.sep):
        raise typer.BadParameter(f"{given!r} is a folder; name a file in it")
    return Path(given)


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The study file.")],
    storage: Storage = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
) -> None:
    """Check data, encoder, operations and storage; store the study."""
    from .studying import create_command

    create_command(file, storage, dry_run=dry_run)


Devices = Annotated[str, typer.Option(help="auto, cpu, cpu:N (N processes), or GPUs' numbers: 0,1.")]
Slots = Annotated[str, typer.Option(help="Trials trained at once on each device: auto or a number.")]
Executor = Annotated[
    ExecutorName, typer.Option(help="Where trials train: in this process, one process per device, a Ray cluster.")
]
Address = Annotated[
    str | None,
    typer.Option(help="With ray: the cluster's address. Default: RAY_ADDRESS, or a local cluster.", show_default=False),
]
GpusPerWorker = Annotated[
    float | None, typer.Option(min=0, help="With ray: GPUs of each actor, such as 0.5.", show_default=False)
]
Timeout = Annotated[str | None, typer.Option(help="Time limit of this call: 90s, 30m, 2h.")]


@app.command()
def run(
    target: Target,
    storage: Storage = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Total number of trials for this call.")] = None,
    timeout: Timeout = None,
    devices: Devices = "auto",
    slots: Slots = "auto",
    executor: Executor = ExecutorName.AUTO,
    address: Address = None,
    gpus_per_worker: GpusPerWorker = None,
) -> None:
    """Run or resume a study up to its total of trials."""
    from ..executors.places import check_placement
    from .studying import run_command

    placement = check_placement(devices, slots, executor, address, gpus_per_worker)
    code = run_command(target, storage, trials=trials, timeout=timeout, placement=placement)
    raise typer.Exit(code)


@app.command()
def plan(
    target: Target,
    storage: Storage = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Total number of trials, as in `run`.")] = None,
    devices: Devices = "auto",
    slots: Slots = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a few steps to estimate the cost of a run. Nothing is stored."""
    from ..executors.places import check_placement
    from .planning import plan_command

    placement = check_placement(devices, slots, ExecutorName.AUTO, None, None)
    plan_command(target, storage, trials=trials, placement=placement, as_json=as_json)


@app.command()
def confirm(
    target: Target,
    storage: Storage = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_CANDIDATES, help=f"Number of best trials. Default: the study file's, or {CANDIDATES}."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_SEEDS, help=f"Number of fresh seeds. Default: the study file's, or {SEEDS}."),
    ] = None,
    ablate: Annotated[
        bool | None, typer.Option("--ablate/--no-ablate", help="Train the winner without each of its parts.")
    ] = None,
    timeout: Timeout = None,
    devices: Devices = "auto",
    slots: Slots = "auto",
    executor: Executor = ExecutorName.AUTO,
    address: Address = None,
    gpus_per_worker: GpusPerWorker = None,
) -> None:
    """Retrain the best trials and the baseline on fresh seeds, and print the verdict."""
    from ..executors.places import check_placement
    from .confirming import confirm_command

    placement = check_placement(devices, slots, executor, address, gpus_per_worker)
    code = confirm_command(
        target,
        storage,
        candidates=candidates,
        seeds=seeds,
        ablate=ablate,
        timeout=timeout,
        placement=placement,
    )
    raise typer.Exit(code)


@app.command(name="list")
def list_studies(storage: Storage = None, as_json: AsJson = False) -> None:
    """List the studies of a storage."""
    from .stored import list_command

    list_command(storage, as_json=as_json)


@app.command()
def show(
    target: Target,
    storage: Storage = None,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every few seconds until the study is done.")] = False,
) -> None:
    """Show a study's settings and its trials."""
    if watch and as_json:
        raise InputError("--watch shows lines as they change, not JSON; leave --json out")
    if watch:
        from .watching import watch_command

        raise typer.Exit(watch_command(target, storage))
    from .stored import show_command

    show_command(target, storage, as_json=as_json)


@app.command()
def report(
    target: Target,
    storage: Storage = None,
    as_json: AsJson = False,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html", parser=file_path, metavar="FILE", help="Write one page for a browser.", show_default=False
        ),
    ] = None,
) -> None:
    """Print the best configuration, its margin and the importance of its parts."""
    if page is not None and as_json:
        raise InputError("--html writes a page and --json prints JSON; leave one of them out")
    with _uncollected():
        from .reporting import report_command

        report_command(target, storage, as_json=as_json, page=page)


@contextmanager
def _uncollected() -> Generator[None]:
    """Without garbage collection: to look through the objects of 1,000 trials takes as long as to read them."""
    atexit.register(gc.freeze)  # nor are they looked through when the process ends
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@app.command()
def export(
    target: Target,
    destination: Annotated[
        Path, typer.Option("--output", "-o", parser=file_path, metavar="PATH", help="The file to write.")
    ] = Path("best.yaml"),
    storage: Storage = None,
    style: Annotated[Format, typer.Option("--format", help="File format.")] = "yaml",
    trial: Annotated[
        int | None,
        typer.Option(min=0, help="A complete trial's number; by default the confirmed winner's, else the best."),
    ] = None,
) -> None:
    """Write the best configuration with all that a training needs."""
    from .exporting import export_command

    export_command(target, storage, destination, style, trial)


@app.command()
def copy(
    name: Name,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The target database.")],
    storage: Storage = None,
) -> None:
    """Copy a study and all its trials to another database."""
    from .stored import copy_command

    copy_command(name, storage, to)


@app.command()
def delete(
    name: Name,
    storage: Storage = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a study and all its trials."""
    from .stored import delete_command

    delete_command(name, storage, yes=yes)
