"""Training rows that some trials drop: those with suspect labels, and near-duplicates where both are searched.

The corpus keeps what any choice keeps, so that all trials share its rows, its split and its tokens.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..spaces.cleaning import CleaningSpace
from ..spaces.configuration import SettingValue
from ..spaces.errors import StudyFileError
from .corpus.corpus import Corpus
from .corpus.grouping import group_cells
from .data.cleaning import NEAR_DUPLICATE, Action, Finding
from .data.grouped_splits import group_numbers
from .data.near import near_duplicates
from .data.table import Table
from .models.encoders import EncoderSource
from .settings import CleaningSettings, DataSettings
from .suspects import check_cleanlab, suspect_rows
from .tasks.batch import Examples
from .tasks.classification import Classification
from .tasks.task import Task

Choice = tuple[str, SettingValue]
"""A setting of cleaning and its value."""


@dataclass(frozen=True)
class Droppable:
    """`rows`: what each choice drops of each task's training rows; `standing`: the study's own choices."""

    rows: Mapping[Choice, Mapping[str, frozenset[int]]] = field(
        default_factory=dict[Choice, Mapping[str, frozenset[int]]]
    )
    standing: Mapping[str, SettingValue] = field(default_factory=dict[str, SettingValue])

    def kept(self, cleaning: Mapping[str, SettingValue], counts: Mapping[str, int]) -> dict[str, list[int]]:
        """The rows that a trial keeps, of each task that loses any; a task never loses all (counts: its rows)."""
        found: dict[str, list[int]] = {}
        choices = {**self.standing, **cleaning}.items()
        for task, count in counts.items():
            gone = {row for choice in choices for row in self.rows.get(choice, {}).get(task, ())}
            if gone and len(gone) < count:
                found[task] = [row for row in range(count) if row not in gone]
        return found

    def take(self, kept: Mapping[str, Sequence[int]]) -> "Droppable":
        """The same for some of each task's rows, as a fold has them."""
        places = {task: {row: place for place, row in enumerate(rows)} for task, rows in kept.items()}
        rows = {
            choice: {
                task: frozenset(places[task][row] for row in gone if row in places[task])
                for task, gone in found.items()
            }
            for choice, found in self.rows.items()
        }
        return Droppable(rows, self.standing)


def check_suspects(clean: CleaningSettings, cleaning: CleaningSpace, main: Task[Any]) -> None:
    """Check, before anything is read, that suspect labels can be found where they are asked for.

    Raises:
        StudyFileError: the main task is no classification, or cleanlab is not installed.
    """
    if clean.suspect_labels == "ignore" and not any(cleaning.drop_suspect_labels):
        return
    if not isinstance(main, Classification):
        where = "data: clean: suspect_labels" if clean.suspect_labels != "ignore" else "space: cleaning"
        raise StudyFileError(
            f"{where}: suspect labels are those of a main task of kind classification; {main.name!r} is {main.kind}"
        )
    check_cleanlab()


def find_droppable(
    corpus: Corpus,
    examples: Examples,
    encoder: EncoderSource,
    data: DataSettings,
    cleaning: CleaningSpace,
    seed: int,
) -> tuple[Droppable, list[Finding]]:
    """Find what the choices drop.

    Args:
        corpus: the study's rows.
        examples: the main task's training rows, in the tokenizer's own numbers.
        encoder: predicts labels.
        data: the study file's `data:`, which says what is cleaned, and which rows belong together.
        cleaning: the study file's `space: cleaning:`.
        seed: of the cross-validation that suspects labels.

    Raises:
        StudyFileError: cleanlab is missing.
    """
    main, table, clean = corpus.tasks[0], corpus.train[corpus.tasks[0].name], data.clean
    keys, labels = main.inputs(table).keys, main.answers(table)
    rows: dict[Choice, Mapping[str, frozenset[int]]] = {}
    findings: list[Finding] = []
    if labels is not None and (clean.suspect_labels != "ignore" or any(cleaning.drop_suspect_labels)):
        cells = group_cells(data.group, table)
        gone = suspect_rows(examples.tokens, labels, encoder, seed, group_numbers(cells) if cells else None)
        rows["drop_suspect_labels", True] = _of_all_tasks(corpus, gone)
        action: Action = "dropped" if clean.suspect_labels == "drop" and not cleaning.drop_suspect_labels else "noted"
        cases = [f"{labels[row]!r}: {keys[row]}" for row in gone]
        findings.append(_told(table, "label that cross-validated predictions contradict", cases, action))
    thresholds = {clean.near_duplicates, *cleaning.near_duplicates} if cleaning.near_duplicates else set[float | None]()
    for threshold in sorted(value for value in thresholds if value is not None):
        repeats = near_duplicates(keys, labels, threshold)
        gone = [row for row, repeated in enumerate(repeats) if repeated]
        rows["near_duplicates", threshold] = _of_all_tasks(corpus, gone)
        what = f"{NEAR_DUPLICATE} at {threshold:g}, left out where a trial's configuration says so"
        findings.append(_told(table, what, [keys[row] for row in gone], "noted"))
    return Droppable(rows, clean.choices), [finding for finding in findings if finding.count]


def _told(table: Table, what: str, cases: Sequence[str], action: Action) -> Finding:
    return Finding.of(f"{table.source}: {what}", cases, action)


def _of_all_tasks(corpus: Corpus, gone: Collection[int]) -> dict[str, frozenset[int]]:
    """The same rows of every task that trains on the main task's, which then still share their batches."""
    main, found = corpus.tasks[0], dict[str, frozenset[int]]()
    own = _identities(main, corpus.train[main.name])
    identities = {own[row] for row in gone}
    for task in corpus.tasks:
        if task.settings.data is None:
            known = _identities(main, corpus.train[task.name])
            found[task.name] = frozenset(row for row, identity in enumerate(known) if identity in identities)
    return found


def _identities(main: Task[Any], table: Table) -> list[tuple[int, str]]:
    """A line's number alone may stand for two rows, where those of a validation file were appended."""
    return list(zip(table.lines, main.inputs(table).keys, strict=True))
