"""What the `study` commands do; imported only when one runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from optuna.trial import FrozenTrial, TrialState

from ...objectives.data.cleaning import rows
from ...objectives.training.fusible import unfusible
from ...spaces.errors import InputError, NothingToConfirm, StudyError, TrainingError
from ..checkpoints import checkpoint_store, remove_checkpoints
from ..confirmation.reading import read_confirmation
from ..copying import copy_study
from ..creation import check_free, consequences, create_study
from ..executors.choosing import Placement
from ..export.chosen import choose
from ..export.exporting import Format, export_of, render
from ..preparing import prepare_study
from ..report.live import make_observer
from ..report.summary import Counts, Summary, summarize
from ..report.wording import number, plain
from ..roles import CONFIGURATION, FAILURE, ROLE
from ..running import run_study
from ..storage import masked, storage_errors, storage_url
from ..study import (
    StudyRecord,
    as_it_is_now,
    delete_study,
    find_study,
    is_ready,
    list_studies,
    open_study,
    while_stored,
    without_operations,
)
from ..study_file.reading import read_study_file
from ..study_file.schema import StudyFile
from ..tuner import Ending
from ..writing import write_text
from .confirming import confirm
from .consoles import INTERRUPTED, generation, output, tell, tell_table
from .targets import file_of, opened, seconds


def create_command(path: Path, storage: str | None, *, dry_run: bool) -> None:
    """Check a study file and all it names; then store it."""
    file = read_study_file(path)
    _create(file, path, storage_url(storage, file.storage), dry_run=dry_run)
    if dry_run:
        tell("all is well; nothing was stored (--dry-run)")
    else:
        tell(f"stored. Run it: autotune study run {file.name}")


def _create(given: StudyFile, path: Path, url: str, *, dry_run: bool) -> None:
    file = given
    check_free(file.name, url)  # before the data is read, which may take long
    with generation() as progress:
        prepared = prepare_study(file, path.parent, progress)
    file = without_operations(file, prepared.operations.dropped)
    for name, reason in prepared.operations.dropped.items():
        tell(f"warning: augmentation: {name} is left out (on_missing: drop): {reason}", "yellow")
    for note in prepared.operations.notes:
        tell(f"augmentation: {note}")
    if changing := prepared.operations.label_changing:
        tell(f"augmentation: may change labels: {', '.join(changing)}")
    rungs = prepared.rungs(file.training)
    training = ", ".join(f"{name} {rows(len(its.tokens))}" for name, its in prepared.train.items())
    tell(f"{file.name}: {', '.join(file.objectives)}, {file.search.trials} trials", "bold")
    tell(f"training: {training}; validation: {rows(len(prepared.validation.tokens))}")
    for finding in prepared.findings:
        count = rows(finding.count) if finding.action == "dropped" else str(finding.count)
        example = f", e.g. {plain(finding.examples[0])!r}" if finding.examples else ""
        tell(f"{finding.action}: {finding.what}: {count}{example}")
    tell(f"a trial: {rungs[-1]} steps, evaluated {len(rungs)} times")
    if why := unfusible(prepared, file.search_space().equal_weights()):
        tell(f"on a GPU trials train one by one: {why}")
    for line in consequences(file):
        tell(line)
    if not dry_run:
        create_study(given, path, url, prepared)


def run_command(
    target: str,
    storage: str | None,
    *,
    trials: int | None,
    timeout: str | None,
    placement: Placement,
) -> int:
    """Run or resume; a study file that is not stored yet is created first. Returns the exit code."""
    timeout_s = seconds(timeout)
    file, path = file_of(target)
    url = storage_url(storage, file.storage if file else None)
    if file is not None and path is not None and not is_ready(file.name, url):
        _create_or_join(file, path, url)
    record = open_study(file.name if file else target, url)
    try:
        with make_observer(output()) as observer:
            ending = run_study(
                record,
                path or record.path,
                observer,
                trials=trials,
                timeout_s=timeout_s,
                placement=placement,
            )
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    if ending is Ending.INTERRUPTED:
        tell(f"interrupted; go on with: autotune study run {target}")
        return INTERRUPTED
    if ending is Ending.DONE and _summary(record).counts.complete == 0:
        raise TrainingError(f"no trial came to its end; the reasons: autotune study report {record.name}")
    settings = as_it_is_now(record, path or record.path).file.confirm
    if ending is not Ending.DONE or settings is None:
        return 0
    try:
        return confirm(record, path or record.path, settings, target, placement)
    except NothingToConfirm as error:
        tell(f"not confirmed: {error}", "yellow")
        return 0


def _create_or_join(file: StudyFile, path: Path, url: str) -> None:
    """Of several hosts that start together, one makes the study and the others run it too."""
    try:
        _create(file, path, url, dry_run=False)
    except StudyError:
        if not is_ready(file.name, url):
            raise
        tell(f"another `autotune study run` made {file.name} meanwhile: joining it")


def _summary(record: StudyRecord) -> Summary:
    with while_stored(record):
        return summarize(record.study)


def list_command(storage: str | None, *, as_json: bool) -> None:
    """Every study of a storage with its counts and its best value."""
    url = storage_url(storage, None)
    with storage_errors(url):
        summaries = [summarize(study) for study in list_studies(url)]
    if as_json:
        echo([summary.to_json() for summary in summaries])
        return
    tell_table(["study", "objective", "trials", "best"], [_listed(summary) for summary in summaries])


def _listed(summary: Summary) -> list[str]:
    counts = summary.counts
    done = counts.complete + counts.pruned + counts.failed
    best = ", ".join(map(number, summary.best.values)) if summary.best else "-"
    if summary.has_several and summary.best:
        best += f" (of {len(summary.front)} on the front)"
    return [summary.study, summary.objective, f"{done} of {counts.total}", best]


def show_command(target: str, storage: str | None, *, as_json: bool) -> None:
    """A study's settings and the state of each trial."""
    record = opened(target, storage)
    with while_stored(record):
        trials = [_shown(trial) for trial in record.study.get_trials(deepcopy=False)]
    if as_json:
        settings = json.loads(record.file.model_dump_json(exclude={"storage"}))
        sizes = checkpoint_store(record).sizes()
        echo({"study": record.name, "settings": settings, "trials": trials, "checkpoints": sizes})
        return
    tell(f"{record.name}: {', '.join(record.file.objectives)}, encoder {record.file.model.encoder}", "bold")
    tell(_counted(_summary(record).counts))
    if sizes := checkpoint_store(record).sizes():
        files = f"{len(sizes)} file{'s' if len(sizes) > 1 else ''}"
        disk = record.file.search.checkpoints.disk
        tell(f"checkpoints here: {files}, {sum(sizes.values()) / 1e6:.1f} MB of at most {disk:g} GB")
    tell_table(["trial", "state", "value", "role or reason"], [_row(trial) for trial in trials])


def _shown(trial: FrozenTrial) -> dict[str, Any]:
    known = trial.user_attrs
    values = trial.values if trial.state is TrialState.COMPLETE else [None]
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "role": known.get(ROLE),
        "value": values[0],
        **({"values": values} if len(values) > 1 else {}),
        "configuration": known.get(CONFIGURATION),
        "failure": known.get(FAILURE) if trial.state is TrialState.FAIL else None,
    }


def _row(trial: Mapping[str, Any]) -> list[str]:
    value = "-" if trial["value"] is None else ", ".join(map(number, trial.get("values", [trial["value"]])))
    failure = trial["failure"]
    note = f"{failure['kind']}: {failure['message']}" if failure else trial["role"] or ""
    return [str(trial["number"]), trial["state"], value, note]


def _counted(counts: Counts) -> str:
    return (
        f"{counts.complete} complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running, "
        f"of {counts.total}"
    )


def echo(content: object) -> None:
    """Print JSON."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def export_command(target: str, storage: str | None, destination: Path, style: Format, trial: int | None) -> None:
    """Write the best configuration, or a trial's; a file of that name is replaced only when the new one is whole."""
    if not destination.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(destination.parent)!r}")
    record = opened(target, storage)
    with while_stored(record):
        confirmed = read_confirmation(record)
        chosen = choose(record, confirmed, trial)
        best = export_of(record, confirmed, chosen, destination.parent, destination.name)
    write_text(destination, render(best, style))
    # Beside what fresh seeds say, the search's own value would only promise too much.
    values = {} if best.confirmed else best.found.values
    tell(f"wrote {destination}: {chosen.name}{''.join(f', {name} {number(value)}' for name, value in values.items())}")
    for reason in chosen.reasons:
        tell(reason)


def copy_command(name: str, storage: str | None, to: str) -> None:
    """Copy a study to another database; the original stays."""
    count = copy_study(name, storage_url(storage, None), to)
    tell(f"copied {name} and its {count} trials to {masked(to)}")


def delete_command(name: str, storage: str | None, *, yes: bool) -> None:
    """Delete after a question; without a terminal to answer on, only with --yes."""
    url = storage_url(storage, None)
    _, study = find_study(name, url)
    if not yes:
        with storage_errors(url):
            count = len(study.get_trials(deepcopy=False))
        try:
            typer.confirm(f"Delete the study {name} and its {count} trials?", abort=True)
        except typer.Abort:
            raise StudyError(f"{name!r} was not deleted; --yes deletes without asking") from None
    delete_study(name, url)
    remove_checkpoints(name, url)
    tell(f"deleted {name}")
