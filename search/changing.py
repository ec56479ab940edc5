"""What a study file may say otherwise while its study lives, and what the trials so far forbid to change."""

from collections.abc import Iterator
from dataclasses import replace

from .pruners import pruner_of
from .settings import MAY_CHANGE
from .study import StudyRecord
from .study_file.reading import changed_keys, read_study_file
from .study_file.schema import StudyFile

_FROM_THE_FIRST = frozenset({"asha", "hyperband", "wilcoxon"})
"""Pruners that compare what only they have trials keep: notes at rungs of their own, or each fold's own value."""


def with_changes(file: StudyFile, other: StudyFile) -> StudyFile:
    """The file with all of another that may change: nothing of it decides what a trial measures."""
    changes = {name: getattr(other.search, name) for name in MAY_CHANGE}
    return file.model_copy(update={"search": file.search.model_copy(update=changes), "confirm": other.confirm})


def as_it_is_now(record: StudyRecord) -> StudyRecord:
    """The record with what may change as the study file has it now; as stored where the file is gone."""
    return record if (now := file_of_now(record)) is None else updated(record, now)


def file_of_now(record: StudyRecord) -> StudyFile | None:
    """The study file as it is now; None where it is gone."""
    return read_study_file(record.path) if record.path.is_file() else None


def updated(record: StudyRecord, now: StudyFile) -> StudyRecord:
    """The record with what may change as a file has it."""
    return replace(record, file=with_changes(record.file, now))


def forbidden_changes(known: StudyFile, now: StudyFile) -> Iterator[tuple[str, list[str]]]:
    """Changes of the search that the trials so far do not allow: why, and what changed.

    Args:
        known: the stored study file.
        now: as it is now.
    """
    if "grid" in {known.search.sampler, now.search.sampler} and (changes := _changed(known, now, "sampler", "grid")):
        yield "a trial's number is its place in the grid, so that a grid stays as its first trials had it", changes
    pruners = {pruner_of(known), pruner_of(now)}
    if len(pruners) > 1 and not pruners.isdisjoint(_FROM_THE_FIRST):
        told = (
            "asha, hyperband and wilcoxon need values that only trials run under them record, so they stay from the "
            "first trial on"
        )
        yield told, _changed(known, now, "pruner")


def _changed(known: StudyFile, now: StudyFile, *names: str) -> list[str]:
    search = known.search.model_copy(update={name: getattr(now.search, name) for name in names})
    return changed_keys(known, known.model_copy(update={"search": search}))
