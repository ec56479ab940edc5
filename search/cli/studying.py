"""What the `study` commands do; imported only when one runs."""

import json
from pathlib import Path

import typer
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape
from rich.table import Table

from ...spaces.errors import InputError, StudyError
from ..export import Format, best_configuration, render
from ..report.live import make_observer
from ..report.summary import summarize
from ..running import run_study
from ..settings import Duration
from ..storage import storage_url
from ..study import StudyRecord, create_study, delete_study, list_studies, open_study, prepare_study
from ..study_file.reading import read_study_file
from ..study_file.schema import StudyFile
from ..tuner import Ending
from ..writing import write_text
from .consoles import INTERRUPTED, output

_FILE_ENDINGS = {".yaml", ".yml"}


def create_command(path: Path, storage: str | None, *, dry_run: bool) -> None:
    """Check a study file and all it names; then store it."""
    file = read_study_file(path)
    prepared = prepare_study(file, path.parent)
    console = output()
    rows = {name: len(rows.tokens) for name, rows in prepared.train.items()}
    console.print(f"[bold]{escape(file.name)}[/bold]: {escape(file.objective)}, {file.search.trials} trials")
    tasks = ", ".join(f"{name} {count} rows" for name, count in rows.items())
    console.print(f"training: {escape(tasks)}; validation: {len(prepared.validation.tokens)} rows")
    for finding in prepared.corpus.findings:
        console.print(f"dropped: {escape(finding.what)}: {finding.count} rows")
    console.print(
        f"a trial: {max(prepared.rungs(file.training))} steps, evaluated {len(prepared.rungs(file.training))} times"
    )
    if dry_run:
        console.print("all is well; nothing was stored (--dry-run)")
        return
    create_study(file, path, storage_url(storage, file.storage), prepared)
    console.print(f"stored. Run it: autotune study run {file.name}")


def opened(target: str, storage: str | None) -> StudyRecord:
    """The stored study that a name or a study file means."""
    file, _ = _file_of(target)
    return open_study(file.name if file else target, storage_url(storage, file.storage if file else None))


def _file_of(target: str) -> tuple[StudyFile | None, Path | None]:
    path = Path(target)
    if path.suffix not in _FILE_ENDINGS:
        return None, None
    return read_study_file(path), path


def run_command(
    target: str, storage: str | None, *, trials: int | None, timeout: str | None, device: str, slots: int
) -> int:
    """Run or resume; a study file that is not stored yet is created first. Returns the exit code."""
    timeout_s = _seconds(timeout)
    file, path = _file_of(target)
    url = storage_url(storage, file.storage if file else None)
    if file is not None and path is not None and not _is_stored(file.name, url):
        create_command(path, storage, dry_run=False)
    record = open_study(file.name if file else target, url)
    with make_observer(output()) as observer:
        ending = run_study(
            record, path or record.path, observer, trials=trials, timeout_s=timeout_s, device=device, slots=slots
        )
    if ending is Ending.INTERRUPTED:
        output().print(f"interrupted; go on with: autotune study run {escape(target)}")
        return INTERRUPTED
    counts = summarize(record.study).counts
    return 1 if ending is Ending.DONE and counts.complete == 0 else 0


def _is_stored(name: str, url: str) -> bool:
    try:
        open_study(name, url)
    except InputError:
        return False
    return True


def _seconds(timeout: str | None) -> float | None:
    if timeout is None:
        return None
    try:
        return TypeAdapter(Duration).validate_python(timeout)
    except ValidationError as error:
        raise InputError(f"--timeout: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def list_command(storage: str | None, *, as_json: bool) -> None:
    """Every study of a storage with its counts and its best value."""
    summaries = [summarize(study) for study in list_studies(storage_url(storage, None))]
    if as_json:
        typer.echo(json.dumps([summary.to_json() for summary in summaries], indent=2, ensure_ascii=False))
        return
    table = Table("study", "objective", "trials", "best")
    for summary in summaries:
        counts = summary.counts
        done = counts.complete + counts.pruned + counts.failed
        best = f"{summary.best.value:.4f}" if summary.best else "–"
        table.add_row(escape(summary.study), escape(summary.objective), f"{done} of {counts.total}", best)
    output().print(table)


def show_command(target: str, storage: str | None, *, as_json: bool) -> None:
    """A study's settings and the state of each trial."""
    record = opened(target, storage)
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name.lower(),
            "role": trial.user_attrs.get("role"),
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "configuration": trial.user_attrs.get("configuration"),
            "failure": trial.user_attrs.get("failure"),
        }
        for trial in record.study.get_trials(deepcopy=False)
    ]
    if as_json:
        settings = json.loads(record.file.model_dump_json(exclude={"storage"}))
        typer.echo(
            json.dumps({"study": record.name, "settings": settings, "trials": trials}, indent=2, ensure_ascii=False)
        )
        return
    console = output()
    counts = summarize(record.study).counts
    console.print(
        f"[bold]{escape(record.name)}[/bold]: {escape(record.file.objective)}, encoder {escape(record.file.model.encoder)}"
    )
    console.print(
        f"{counts.complete} complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running, of {counts.total}"
    )
    table = Table("trial", "state", "value", "role or reason")
    for trial in trials:
        failure = trial["failure"]
        note = failure["kind"] if isinstance(failure, dict) else trial["role"] or ""
        value = trial["value"]
        table.add_row(
            str(trial["number"]),
            str(trial["state"]),
            f"{value:.4f}" if isinstance(value, float) else "–",
            escape(str(note)),
        )
    console.print(table)


def export_command(target: str, storage: str | None, destination: Path, style: Format) -> None:
    """Write the best configuration; a file of that name is replaced only when the new one is whole."""
    if not destination.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(destination.parent)!r}")
    best = best_configuration(opened(target, storage), destination.parent)
    write_text(destination, render(best, style))
    output().print(
        f"wrote {escape(str(destination))}: trial {best.found.trial}, {best.settings.objective} {best.found.value:.4f}"
    )


def delete_command(name: str, storage: str | None, *, yes: bool) -> None:
    """Delete after a question; without a terminal to answer on, only with --yes."""
    url = storage_url(storage, None)
    record = open_study(name, url)
    if not yes:
        count = len(record.study.get_trials(deepcopy=False))
        try:
            typer.confirm(f"Delete the study {name} and its {count} trials?", abort=True)
        except typer.Abort:
            raise StudyError(f"{name!r} was not deleted; --yes deletes without asking") from None
    delete_study(name, url)
    output().print(f"deleted {escape(name)}")
