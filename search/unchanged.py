"""What a study was made from, checked for changes since: its file, its data, and the rows that are read of them."""

from ..objectives.caching import content_hash
from ..objectives.corpus.corpus import Corpus
from ..objectives.corpus.named_sources import named_source
from ..objectives.data.loading import fingerprint
from ..objectives.prepared import PreparedObjective
from ..spaces.errors import StudyError
from .beside import beside
from .changing import file_of_now, forbidden_changes, updated, with_changes
from .preparing import longest_trial
from .roles import BESIDE, LABELS, MAX_STEPS, ROWS, STARTED
from .study import StudyRecord
from .study_file.reading import changed_keys


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
        stored = record.given or record.file
        changes += changed_keys(stored, with_changes(now.model_copy(update={"storage": None}), stored))
        forbidden += forbidden_changes(stored, now)
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
    """Trials of one study must all train on the same rows, with the same labels.

    Raises:
        StudyError: another version of autotune, which read or cleaned the same files otherwise, made the study.
    """
    attributes = record.study.user_attrs
    if (known := attributes.get(ROWS)) is not None:
        same = known == rows_of(prepared.corpus)
    else:  # made before they were stored: their number shows in the steps of a trial
        same = attributes[MAX_STEPS] == longest_trial(record.file, prepared)
    other = "chose other rows of its data" if not same else ""
    if attributes.get(LABELS, prepared.corpus.labels) != prepared.corpus.labels:
        other = "read other labels in its data"
    if other:
        raise StudyError(
            f"the study {record.name!r} cannot continue: autotune {attributes[STARTED]}, which made it, {other}, so "
            "its trials could not be compared with new ones. Create a study under another name."
        )
