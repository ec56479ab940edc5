"""The commands that read, copy or delete stored studies. None of them needs torch."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from optuna.trial import FrozenTrial, TrialState

from ...objectives.training.checkpoint_files import checkpoint_sizes
from ...spaces.errors import StudyError
from ..checkpoint_folder import checkpoint_folder, remove_checkpoints
from ..copying import copy_study
from ..passwords import masked
from ..report.sentences import states
from ..roles import CONFIGURATION, FAILURE, ROLE
from ..storage import storage_errors, storage_url
from ..study import delete_study, find_study, is_gone, list_studies, while_stored
from ..summary.summarizing import summarize
from ..summary.summary import Summary
from ..wording import counted, encoder, number
from .consoles import echo, tell, tell_table
from .targets import opened


def list_command(storage: str | None, *, as_json: bool) -> None:
    """Every study of a storage with its counts and its best value."""
    url = storage_url(storage, None)
    with storage_errors(url):
        summaries = list(_summaries(url, importance=as_json))
    if as_json:
        echo([summary.to_json() for summary in summaries])
        return
    tell_table(["study", "objective", "trials", "best"], [_listed(summary) for summary in summaries])


def _summaries(url: str, *, importance: bool) -> Iterator[Summary]:
    """Of every study but those that somebody deletes meanwhile."""
    for study in list_studies(url):
        try:
            yield summarize(study, importance=importance)
        except KeyError:
            if not is_gone(study, url):
                raise


def _listed(summary: Summary) -> list[str]:
    best = ", ".join(map(number, summary.best.values)) if summary.best else "-"
    if summary.has_several and summary.best:
        best += f" (of {len(summary.front)} on the front)"
    return [summary.study, summary.objective, f"{summary.counts.done} of {summary.counts.total}", best]


def show_command(target: str, storage: str | None, *, as_json: bool) -> None:
    """A study's settings and the state of each trial."""
    record = opened(target, storage, reading=True)
    with while_stored(record):
        trials = [_shown(trial) for trial in record.study.get_trials(deepcopy=False)]
    if as_json:
        settings = json.loads(record.file.model_dump_json(exclude={"storage"}))
        sizes = checkpoint_sizes(checkpoint_folder(record.name, record.url))
        echo({"study": record.name, "settings": settings, "trials": trials, "checkpoints": sizes})
        return
    model = record.file.model
    objectives, named = ", ".join(record.file.objectives), encoder(model.encoder, model.revision)
    tell(f"{record.name}: {objectives}, encoder {named}", "bold")
    with while_stored(record):
        tell(states(summarize(record.study, importance=False).counts))
    if sizes := checkpoint_sizes(checkpoint_folder(record.name, record.url)):
        files = counted(len(sizes), "file")
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
        except (typer.Abort, RuntimeError):  # a standard input that is closed is "lost" to Python
            raise StudyError(f"{name!r} was not deleted; --yes deletes without asking") from None
    delete_study(name, url)
    remove_checkpoints(name, url)
    tell(f"deleted {name}")
