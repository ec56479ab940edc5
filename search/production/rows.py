"""Whether the data gives a training the rows that the study of a best.yaml had: another version may choose others."""

from pathlib import Path

from ...objectives.checking import make_tasks
from ...objectives.corpus.corpus import Corpus
from ...objectives.corpus.reading import read_corpus
from ...spaces.errors import StudyFileError
from ..export.best_file import BestConfiguration, read_document_of
from ..unchanged import rows_of

UNKNOWN = (
    "note: the export does not say which rows its study trained on, so they could not be compared with those of today"
)


def note_of_rows(best: BestConfiguration, base: Path, corpus: Corpus | None = None) -> str:
    """What whoever trains should know of the rows; the empty string where they are those of the study.

    Args:
        best: what is trained.
        base: the folder that data paths are relative to.
        corpus: the rows as the study would have them now, where they have been read.
    """
    if best.rows is None:
        return UNKNOWN
    if rows_of(corpus or _corpus(best, base)) == best.rows:
        return ""
    return (
        "warning: this version of autotune chooses other rows of the data than the study had, so the figures of the "
        "export are of another training"
    )


def check_rows(best: BestConfiguration, path: Path) -> str:
    """Compare the rows with those that the figures were measured on; what could not be compared is returned in words.

    Raises:
        StudyFileError: they are others, so that no retraining could tell anything of the figures.
    """
    note = note_of_rows(best, path.parent)
    if best.rows is None or not note:
        return note
    raise StudyFileError(
        f"{path}, line {read_document_of(path).line(('rows',))}: rows: this version of autotune chooses other rows of "
        "the data than the figures were measured on, so there is nothing to compare. Verify with the version that made "
        "the study, or search again with this one"
    )


def _corpus(best: BestConfiguration, base: Path) -> Corpus:
    """The rows as a study of these settings would have them."""
    settings = best.settings
    return read_corpus(
        settings.data,
        make_tasks(settings),
        base,
        best.seed,
        measured=settings.measured_tasks,
        keeps_near_duplicates=bool(best.cleaning.near_duplicates),
    )
