"""`autotune`: the command, its errors and exit codes.

Exit 0 done; 1 it ran and failed; 2 the input is wrong; 130 interrupted, resumable.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ...objectives.tasks.names import Kind
from ...spaces.errors import AutotuneError, InputError
from ..limits import LARGEST_SEED
from ..writing import DISK
from . import study
from .values import Commands

_OF_PLACES = frozenset({errno.ENAMETOOLONG, errno.EACCES, errno.EPERM})
"""What is wrong with a place that the user named, or that somebody else owns: even to look whether it is there."""

app = typer.Typer(
    cls=Commands,
    help="Find which auxiliary tasks, loss weights, learning rate and augmentation mix a Transformer needs on little "
    "data.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help comes twice as fast
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(study.app, name="study")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"autotune {version('autotune-mtl')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del show_version


@app.command()
def init(
    data: Annotated[str, typer.Argument(help="CSV, TSV, JSON, Parquet, CoNLL, a folder, or owner/name@split.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=study.file_path, metavar="PATH", help="The study file to write.")
    ] = Path("study.yaml"),
    task: Annotated[
        Kind | None,
        typer.Option(help="Kind of the main task; by default inferred from the columns.", show_default=False),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Encoding of text files that are not UTF-8, such as cp1252.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a study file from the data."""
    from .starting import init_command

    init_command(data, output, task, encoding)


@app.command()
def train(
    best: Annotated[Path, typer.Argument(help="An export: best.yaml.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model; new or empty.")],
    all_data: Annotated[
        bool, typer.Option("--all-data", help="Train on the validation rows too; keeps the last weights.")
    ] = False,
    devices: Annotated[str, typer.Option(help="auto, cpu, or a GPU's number.")] = "auto",
    micro_batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Largest number of rows per pass; gradients accumulate. Default: the batch.", show_default=False
        ),
    ] = None,
    report_to: Annotated[
        list[str] | None,
        typer.Option(help="tensorboard, mlflow or wandb; repeat, or separate by commas.", show_default=False),
    ] = None,
) -> None:
    """Train an export at full length; transformers opens the result. The same command resumes after a kill."""
    from ..production.training import TrainOptions
    from .training import train_command

    train_command(best, output, TrainOptions(all_data, devices, micro_batch, report_to or []))


@app.command()
def verify(
    best: Annotated[Path, typer.Argument(help="An export: best.yaml.")],
    seeds: Annotated[int | None, typer.Option(min=1, help="Use only the first N seeds.", show_default=False)] = None,
    devices: study.Devices = "auto",
    slots: study.Slots = "auto",
    executor: study.Executor = study.ExecutorName.AUTO,
    address: study.Address = None,
    gpus_per_worker: study.GpusPerWorker = None,
    as_json: study.AsJson = False,
) -> None:
    """Retrain an export on its seeds and check the confirmed interval."""
    from ..executors.places import check_placement
    from .verifying import verify_command

    placement = check_placement(devices, slots, executor, address, gpus_per_worker)
    raise typer.Exit(verify_command(best, seeds=seeds, placement=placement, as_json=as_json))


@app.command()
def augment(
    file: Annotated[str, typer.Argument(help="A study file, or data: CSV, TSV, JSON, Parquet, owner/name@split.")],
    operation: Annotated[
        list[str] | None,
        typer.Option(
            help="An operation; may be repeated. Default: the study file's, or noise and reverse.", show_default=False
        ),
    ] = None,
    magnitude: Annotated[float, typer.Option(help="Strength, from 0 to 1.")] = 0.1,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows to draw.")] = 5,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, help="Random seed. Default: the study file's, or 0.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Text column of a data file. Default: text.", show_default=False)
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Label column of a data file. Default: label.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show rows before and after augmentation, with changed words marked."""
    from .augmenting import augment_command

    augment_command(file, operation or [], magnitude, rows, seed, text, label, as_json=as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a study file, for editors."""
    from ..study_file.schema import json_schema
    from .consoles import echo

    echo(json_schema())


@app.command()
def doctor(storage: study.Storage = None, as_json: study.AsJson = False) -> None:
    """Check packages, devices, cache and storage; advise on what is wrong."""
    from .doctoring import doctor_command

    raise typer.Exit(doctor_command(storage, as_json=as_json))


def run() -> None:
    """Run the command; an expected error is one red message and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Greek letters and block characters must not end a report on a terminal that lacks them.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        check_system(os.name)
        app()
    except AutotuneError as error:
        _end(str(error), error.exit_code)
    except OSError as error:
        if error.errno in _OF_PLACES and error.filename is not None:
            _end(f"{error.filename}: {error.strerror}", 2)
        if error.errno not in DISK:
            raise
        if error.filename is None:  # the output; Python's own last flush would fail once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _end(f"{error.filename or 'the output'} cannot be written: {error.strerror}", 1)


def check_system(name: str) -> None:
    """Refuse a kind of system (`os.name`) without the signals that end workers.

    Raises:
        InputError: it is not POSIX.
    """
    if name != "posix":
        raise InputError("autotune needs a POSIX system: Linux, macOS, or WSL on Windows")


def _end(message: str, exit_code: int) -> NoReturn:
    from .consoles import tell_error

    tell_error(message)
    sys.exit(exit_code)
