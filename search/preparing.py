"""A study's data: checked for changes since its creation, and prepared for trials."""

import gc
from collections.abc import Iterator
from pathlib import Path

import torch

from ..objectives.augmentation.generating import BankProgress
from ..objectives.caching import content_hash
from ..objectives.corpus.corpus import Corpus
from ..objectives.corpus.named_sources import named_source
from ..objectives.data.loading import fingerprint
from ..objectives.models.encoders import EncoderSource, commit_of
from ..objectives.models.language_models import at_commit
from ..objectives.models.layers import layer_mistakes
from ..objectives.prepare import prepare
from ..objectives.prepared import PreparedObjective
from ..objectives.training.judge import baseline_judge
from ..spaces.errors import EncoderError, StudyError
from ..spaces.training import TrainingSettings
from .beside import beside
from .changing import file_of_now, forbidden_changes, updated, with_changes
from .pinning import named_models, with_revision
from .roles import BESIDE, ROWS, STARTED
from .study import StudyRecord
from .study_file.reading import changed_keys
from .study_file.schema import StudyFile


def check_unchanged(record: StudyRecord) -> StudyRecord:
    """Trials of one study must all measure the same thing, and sampler and pruner understand those of earlier runs.

    Args:
        record: the stored study, with the path of its study file as it is now; the stored copy serves where that is
            gone.

    Returns:
        The record as it is now: with what may change as the study file has it.

    Raises:
        StudyError: the study file or a data file changed; the message says what did.
    """
    changes: list[str] = []
    forbidden: list[tuple[str, list[str]]] = []
    if (now := file_of_now(record)) is not None:
        known = record.given or record.file
        changes += changed_keys(known, with_changes(now.model_copy(update={"storage": None}), known))
        forbidden += forbidden_changes(known, now)
    with record.in_place():
        for text, known in record.fingerprints.items():
            if fingerprint(named_source(text, record.file, record.folder), known) != known:
                changes.append(f"{text}: the data changed")
        now_beside = beside(record.file, record.folder)
    for key, known in record.study.user_attrs[BESIDE].items():
        if now_beside.get(key) != known:
            changes.append(f"{key}: its content changed")
    if changes:
        forbidden.insert(0, ("its trials would no longer measure the same thing", changes))
    if forbidden:
        reasons = ("\n  ".join([f"{why}.", *lines]) for why, lines in forbidden)
        raise StudyError(
            f"the study {record.name!r} cannot continue: "
            + "\n".join(reasons)
            + "\nUndo the change, or create a new study under another name."
        )
    return record if now is None else updated(record, now)


def rows_of(corpus: Corpus) -> str:
    """A hash of the places, in their files, of all rows that trials train and are measured on."""
    tables = [*sorted(corpus.train.items()), *sorted(corpus.validations.items())]
    return content_hash(f"{name}: {list(rows.lines)}" for name, rows in tables)


def check_rows(record: StudyRecord, prepared: PreparedObjective) -> None:
    """Trials of one study must all train on the same rows.

    Raises:
        StudyError: another version of autotune, which read or cleaned the same files otherwise, made the study.
    """
    attributes = record.study.user_attrs
    if (known := attributes.get(ROWS)) is not None:
        same = known == rows_of(prepared.corpus)
    else:  # made before they were stored: their number shows in the steps of a trial
        same = attributes["max_steps"] == longest_trial(record.file, prepared)
    if not same:
        raise StudyError(
            f"the study {record.name!r} cannot continue: autotune {attributes[STARTED]}, which made it, chose other "
            "rows of its data, so its trials could not be compared with new ones. Create a study under another name."
        )


def prepare_study(
    file: StudyFile, base: Path, progress: BankProgress = lambda *_: None, device: torch.device | None = None
) -> PreparedObjective:
    """Read and tokenise all that a study trains on.

    Args:
        file: the study file.
        base: the folder that paths are relative to.
        progress: hears how far the generation of augmented rows is.
        device: where language models write new rows, and the baseline judges them; None: the fastest here.

    Raises:
        InputError: something in it cannot be used, a searched number of layers included.
    """
    # The baseline that judges may train long after the rest was read: the Hub's main branch may have moved by then.
    file = with_revision(file, commit_of(file.model.encoder, base, file.model.revision))
    prepared = prepare(
        file,
        file.space.augmentation,
        base,
        file.search.seed,
        cleaning=file.space.cleaning,
        progress=progress,
        judge=baseline_judge,
        device=device,
    )
    if torch.cuda.is_initialized():  # what a judge or a language model took there is the trials' now
        gc.collect()
        torch.cuda.empty_cache()
    if wrong := list(_layer_mistakes(file, prepared.encoder)):
        raise EncoderError("\n".join(wrong))
    return prepared


def models_at_commits(file: StudyFile, base: Path) -> dict[str, str]:
    """The models of the Hub that augmentation operations open, by their keys (`mask.model`), as `owner/name@COMMIT`.

    Args:
        file: the study file.
        base: the folder that its paths are relative to.
    """
    found = {f"{operation}.{name}": at_commit(text, base) for operation, name, text in named_models(file)}
    return {key: text for key, text in found.items() if text is not None}


def longest_trial(file: StudyFile, prepared: PreparedObjective) -> int:
    """Steps of the longest trial that the space allows: only a searched number of epochs changes the length."""
    return prepared.rungs(file.training.model_copy(update={"epochs": max(possible_epochs(file))}))[-1]


def possible_epochs(file: StudyFile) -> list[int]:
    """Lengths of trials in epochs: the study's own, and the ends or choices of what is searched."""
    space = file.space.training.get("epochs")
    searched = () if space is None else space.values
    return [file.training.epochs, *(int(each) for each in searched if isinstance(each, int | float))]


def _layer_mistakes(file: StudyFile, encoder: EncoderSource) -> Iterator[str]:
    """Those of the fixed settings and of all values that are searched."""
    for mistake in layer_mistakes(encoder, file.training):
        yield f"training: {mistake}"
    for name, space in file.space.training.items():
        for value in space.values:
            for mistake in layer_mistakes(encoder, TrainingSettings.model_validate({name: value})):
                yield f"space: training: {mistake}"
