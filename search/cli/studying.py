"""What the `study` commands do; imported only when one runs."""

import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...objectives.data.sources import resolve_source
from ...objectives.prepared import PreparedObjective
from ...objectives.training.fused.fusible import fusion
from ...spaces.errors import NothingToConfirm, StudyError, TrainingError
from ..changing import as_it_is_now
from ..creation import check_free, consequences, create_study
from ..executors.placement import Placement
from ..pinning import named_models, with_models
from ..preparing import longest_trial, models_at_commits, prepare_study
from ..report.live import make_observer
from ..report.summarizing import summarize
from ..report.summary import Summary
from ..running import run_study
from ..settings import ConfirmSettings
from ..starting.headers import without_names
from ..storage import storage_option
from ..study import (
    StudyRecord,
    is_ready,
    while_stored,
    without_operations,
)
from ..study_file.reading import read_study_file
from ..study_file.schema import StudyFile
from ..tuner import Ending
from ..wording import counted, encoder
from .confirming import confirm
from .consoles import INTERRUPTED, generation, output, tell
from .shown import told
from .targets import file_of, opened, seconds, tell_of_a_copy, url_of


def create_command(path: Path, storage: str | None, *, dry_run: bool) -> None:
    """Check a study file and all it names; then store it."""
    file = read_study_file(path)
    url = url_of(storage, file, path)
    _create(file, path, url, dry_run=dry_run)
    if dry_run:
        tell("all checks passed; nothing was stored (--dry-run)")
    else:
        tell(f"stored. Run it: autotune study run {file.name}{storage_option(url)}")


def _create(given: StudyFile, path: Path, url: str, *, dry_run: bool) -> None:
    file = given
    check_free(file.name, url)  # before the data is read, which may take long
    with generation() as progress:
        models = models_at_commits(file, path.parent)
        prepared = prepare_study(with_models(file, models), path.parent, progress)
    file = without_operations(file, prepared.operations.dropped)
    for name, reason in prepared.operations.dropped.items():
        tell(f"warning: augmentation: {name} is left out (on_missing: drop): {reason}", "yellow")
    for note in prepared.operations.notes:
        tell(f"augmentation: {note}")
    if changing := prepared.operations.label_changing:
        tell(f"augmentation: may change labels: {', '.join(changing)}")
    rungs = prepared.rungs(file.training)
    training = ", ".join(f"{name} {counted(len(its.tokens), 'row')}" for name, its in prepared.train.items())
    tell(f"{file.name}: {', '.join(file.objectives)}, {file.search.trials} trials", "bold")
    for name, text in _commits(file, prepared, models):
        tell(f"{name}: {text}, wherever and whenever the study trains")
    tell(f"training: {training}; validation: {counted(len(prepared.validation.tokens), 'row')}")
    for line in _found(prepared, path.parent):
        tell(line)
    tell(f"a trial: {rungs[-1]} steps, evaluated {len(rungs)} times")
    if (longest := longest_trial(file, prepared)) > rungs[-1]:
        tell(f"epochs are searched: trials of up to {longest} steps compete with shorter ones")
    for line in fusion(prepared, file.search_space()).sentences:
        tell(f"on a GPU {line}")
    for line in consequences(file):
        tell(line)
    if not dry_run:
        create_study(given, path, url, prepared, models)


def _commits(file: StudyFile, prepared: PreparedObjective, models: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The models of the Hub, each with its commit: the encoder, and those of operations."""
    if commit := prepared.encoder.commit:
        yield "encoder", encoder(file.model.encoder, commit)
    for operation, setting, _ in named_models(file):
        if (text := models.get(f"{operation}.{setting}")) is not None:
            name, _, commit = text.partition("@")
            yield f"{operation}.{setting}", encoder(name, commit)


def _found(prepared: PreparedObjective, base: Path) -> Iterator[str]:
    """What was found in the data, and in the headers of columns that tasks read."""
    yield from map(told, prepared.findings)
    yield from (f"noted: {note}" for note in dict.fromkeys(_headers(prepared, base)) if note)


def _headers(prepared: PreparedObjective, base: Path) -> Iterator[str]:
    for task in prepared.corpus.tasks:
        own = task.settings.data
        source = resolve_source(own.train if own else prepared.settings.data.train, base)
        yield without_names(source, prepared.corpus.train[task.name], task.settings.columns().values())


def run_command(
    target: str,
    storage: str | None,
    *,
    trials: int | None,
    timeout: str | None,
    placement: Placement,
) -> int:
    """Run or resume; a study file that is not stored yet is created first. Returns the exit code."""
    timeout_s, began = seconds(timeout), time.monotonic()
    file, path = file_of(target)
    url = url_of(storage, file, path)
    if file is not None and path is not None and not is_ready(file.name, url):
        _create_or_join(file, path, url)
    record = opened(target, storage)
    tell_of_a_copy(target, record)
    try:
        with make_observer(output()) as observer:
            ending = run_study(
                record,
                observer,
                trials=trials,
                timeout_s=timeout_s,
                began=began,
                placement=placement,
            )
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    if ending is Ending.INTERRUPTED:
        again = f"{shlex.quote(target)}{storage_option(storage) if storage else ''}"
        tell(f"interrupted; resume with: autotune study run {again}")
        return INTERRUPTED
    return _confirmed(record, placement, timeout_s, began) if ending is Ending.DONE else 0


def _confirmed(record: StudyRecord, placement: Placement, timeout_s: float | None, began: float) -> int:
    """Confirm a study whose trials have all ended, where its file says so. Returns the exit code."""
    counts = _summary(record).counts
    if counts.complete == 0:
        with while_stored(record):
            raise TrainingError(f"no trial completed; for the reasons: autotune study report {record.called}")
    now = as_it_is_now(record).file
    if now.confirm is None:
        return 0
    if counts.done < counts.total:
        # The test data is looked at once: not for the best of the few trials that try whether all works.
        tell(
            f"not confirmed yet, at {counts.done} of the study's {counts.total} trials; to do so now: "
            f"autotune study confirm {record.called}"
        )
        return 0
    limit_s = timeout_s or now.search.timeout
    left_s = None if limit_s is None else max(limit_s - (time.monotonic() - began), 0.0)
    return _confirm(record, now.confirm, placement, left_s)


def _create_or_join(file: StudyFile, path: Path, url: str) -> None:
    """Of several hosts that start together, one makes the study and the others run it too."""
    try:
        _create(file, path, url, dry_run=False)
    except StudyError:
        if not is_ready(file.name, url):
            raise
        tell(f"another `autotune study run` made {file.name} meanwhile: joining it")


def _confirm(record: StudyRecord, settings: ConfirmSettings, placement: Placement, timeout_s: float | None) -> int:
    """Confirm at the end of a run, which is well without it. Returns the exit code."""
    try:
        return confirm(record, settings, placement, timeout_s)
    except NothingToConfirm as error:
        tell(f"not confirmed: {error}", "yellow")
        return 0


def _summary(record: StudyRecord) -> Summary:
    with while_stored(record):
        return summarize(record.study, importance=False)
