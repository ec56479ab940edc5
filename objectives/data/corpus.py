"""All rows of a study: read, checked, cleaned and split; the same for every trial."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...spaces.errors import DataError
from ..settings import DataSettings, Folds
from ..tasks.task import Task
from .cleaning import Finding, normalised, taken
from .loading import load_table
from .repairs import label_lists, respelt, spellings, with_repaired_texts
from .sifting import apart, copies_of, sift
from .sources import resolve_source
from .splits import another_share, folds, random_split, stratified_split
from .table import Table, append, take


@dataclass(frozen=True)
class Corpus:
    """The rows that trials train and are measured on.

    `train` holds each task's training rows; tasks without rows of their own share the main task's. `validation`
    holds those of the main task and of every auxiliary that is measured; with folds, those that the folds hold
    out, which are the training rows. `fingerprints` holds the hash of each source, by what the user wrote.
    """

    tasks: Sequence[Task[Any]]
    train: Mapping[str, Table]
    validations: Mapping[str, Table]
    test: Table | None
    findings: Sequence[Finding]
    fingerprints: Mapping[str, str]
    folds: Sequence[Mapping[str, Sequence[int]]] = ()
    """For each fold of a cross-validation the rows of each task's training table that it trains on."""

    @property
    def validation(self) -> Table:
        """The main task's validation rows."""
        return self.validations[self.tasks[0].name]

    @property
    def labels(self) -> dict[str, list[str]]:
        """The labels of each task that tells some apart, in the order of a model's outputs."""
        known = {task.name: list[str](getattr(task, "labels", ())) for task in self.tasks}
        return {name: labels for name, labels in known.items() if labels}


def read_corpus(
    settings: DataSettings,
    tasks: Sequence[Task[Any]],
    base: Path,
    seed: int,
    *,
    all_data: bool = False,
    measured: Collection[str] = (),
) -> Corpus:
    """Read every file that the study names.

    Args:
        settings: the study file's `data:`.
        tasks: the main task first; not fitted yet.
        base: the folder that paths are relative to.
        seed: of the split.
        all_data: train on the validation rows too.
        measured: auxiliary tasks that need validation rows.

    Raises:
        DataError: a file, column, row or label that cannot be used; the message names it.
    """
    return _Reading(settings, tasks, base, seed, all_data=all_data, measured=measured).corpus()


@dataclass
class _Reading:
    """The steps from files to a corpus; `findings` and `tables` grow on the way."""

    settings: DataSettings
    given: Sequence[Task[Any]]
    base: Path
    seed: int
    all_data: bool
    measured: Collection[str]
    tables: dict[str, Table] = field(default_factory=dict[str, Table])
    findings: list[Finding] = field(default_factory=list[Finding])
    held: dict[str, Table] = field(default_factory=dict[str, Table])
    """Each task's validation rows."""
    spellings: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """How each task's labels are mostly written in its training rows."""

    def corpus(self) -> Corpus:
        unfitted, *auxiliaries = self.given
        shared = [task for task in self.given if task.settings.data is None]
        table = self._spelt(self._read(self.settings.train), shared, learn=True)
        main = unfitted.fitted(table)
        given = self.settings.validation
        validation = self._held_out(given, main, shared) if isinstance(given, str) else None
        test = self._held_out(self.settings.test, main, shared) if self.settings.test else None
        forbidden = [key for rows in (validation, test) if rows is not None for key in main.inputs(rows).keys]
        train = self._training(table, main, forbidden)
        if isinstance(given, float):
            train, validation = self._split(train, main, given)
            forbidden += main.inputs(validation).keys
            train = train if self.all_data else self._apart(train, validation, main)
        self.held[main.name] = train if validation is None else validation
        tasks, rows = [main], {main.name: train}
        for task in auxiliaries:
            fitted, rows[task.name] = self._auxiliary(task, table, train, main, forbidden)
            tasks.append(fitted)
        split = self._folds(given.folds, tasks, rows) if isinstance(given, Folds) and not self.all_data else ()
        if self.all_data and validation is not None:
            rows = {task.name: self._with_validation(task, rows[task.name], validation) for task in tasks}
        prints = {text: table.fingerprint for text, table in self.tables.items()}
        return Corpus(tasks, rows, self.held, test, self.findings, prints, split)

    def _read(self, text: str) -> Table:
        if text not in self.tables:
            table = load_table(resolve_source(text, self.base))
            # A span's place counts the characters of the text as it is in the file.
            if self.settings.clean.repair_text and not any(_counts_characters(task) for task in self.given):
                words = {name for task in self.given if (name := getattr(task.settings, "tokens", None))}
                table, found = with_repaired_texts(table, words)
                self._note(table, found)
            self.tables[text] = table
        return self.tables[text]

    def _spelt(self, table: Table, tasks: Sequence[Task[Any]], *, learn: bool = False) -> Table:
        """The rows with all tasks' labels spelt as in training, which are these rows where it is learnt."""
        if not self.settings.clean.merge_labels:
            return table
        for task in tasks:
            place = task.label_column()
            if place is None or (not learn and place[0] not in table.names):
                continue
            if learn:
                written = (label for labels in label_lists(table, *place) for label in labels)
                self.spellings[task.name] = spellings(written)
            table, found = respelt(table, *place, self.spellings[task.name], task.name)
            self._note(table, found)
        return table

    def _held_out(self, text: str, task: Task[Any], tasks: Sequence[Task[Any]]) -> Table:
        """Validation or test rows of `tasks`, which must have labels that training knows."""
        table, found = task.vetted(self._spelt(self._read(text), tasks), training=False)
        task.inputs(table)
        self._note(table, found)
        return table

    def _note(self, table: Table, found: Sequence[Finding]) -> None:
        self.findings += [replace(finding, what=f"{table.source}: {finding.what}") for finding in found]

    def _training(self, table: Table, task: Task[Any], forbidden: Sequence[str]) -> Table:
        """The rows that a fitted task trains on: vetted, then cleaned."""
        table, found = task.vetted(table, training=True)
        self._note(table, found)
        kept, dropped = sift(
            task.inputs(table).keys,
            task.answers(table),
            forbidden,
            self.settings.clean,
            has_one_answer=task.has_one_answer,
        )
        self._note(table, dropped)
        if not kept:
            what = taken([*found, *dropped])
            raise DataError(f"{table.source}: task {task.name!r}: no rows are left after cleaning: {what}")
        return take(table, kept)

    def _split(self, table: Table, task: Task[Any], fraction: float) -> tuple[Table, Table]:
        strata = task.strata(table)
        try:
            kept, held = (
                random_split(len(table), fraction, self.seed)
                if strata is None
                else stratified_split(strata, fraction, self.seed)
            )
        except DataError as error:
            raise DataError(f"{table.source}: task {task.name!r}: after cleaning, {error}") from error
        self._note(table, another_share(fraction, len(held), len(table)))
        return take(table, kept), take(table, held)

    def _apart(self, train: Table, validation: Table, task: Task[Any]) -> Table:
        """Training rows that are no copies of those drawn for validation from the same file."""
        kept, dropped = apart(task.inputs(train).keys, task.inputs(validation).keys, self.settings.clean)
        self._note(train, dropped)
        if not kept:
            raise DataError(
                f"{train.source}: task {task.name!r}: every row nearly repeats one drawn for validation; "
                "set data.clean.near_leaks to null, or give data.validation a file"
            )
        return take(train, kept)

    def _auxiliary(
        self, task: Task[Any], table: Table, train: Table, main: Task[Any], forbidden: Sequence[str]
    ) -> tuple[Task[Any], Table]:
        """A fitted auxiliary and its rows: its own, or those of the main task."""
        own = task.settings.data
        if own is not None:
            table = self._spelt(self._read(own.train), [task], learn=True)
            fitted = task.fitted(table)
            if task.name in self.measured and own.validation is None:
                raise DataError(f"tasks: {task.name}: data: its metric is an objective, so it needs `validation: FILE`")
            if own.validation is not None:
                self.held[task.name] = self._held_out(own.validation, fitted, [task])
                forbidden = [*forbidden, *fitted.inputs(self.held[task.name]).keys]
            return fitted, self._training(table, fitted, forbidden)
        fitted = task.fitted(table)
        if task.name in self.measured:
            self.held[task.name], found = fitted.vetted(self.held[main.name], training=False)
            self._note(self.held[task.name], found)
        fitted.inputs(train)
        rows, found = fitted.vetted(train, training=True)
        self._note(rows, found)
        if not len(rows):
            raise DataError(f"{table.source}: task {task.name!r}: no rows are left that it can train on")
        return fitted, rows

    def _with_validation(self, task: Task[Any], rows: Table, validation: Table) -> Table:
        """A task's rows with the main task's validation rows, where these have what it needs and it shares them."""
        if task.settings.data is not None or not _serves(validation, task):
            return rows
        return append(rows, task.vetted(validation, training=True)[0])

    def _folds(
        self, count: int, tasks: Sequence[Task[Any]], rows: Mapping[str, Table]
    ) -> Sequence[Mapping[str, Sequence[int]]]:
        main = tasks[0]
        table = rows[main.name]
        try:
            splits = folds(len(table), main.strata(table), count, self.seed)
        except DataError as error:
            raise DataError(f"{table.source}: task {main.name!r}: data.validation: {error}") from error
        kept = [{task.name: _outside(task, rows[task.name], table, main, held) for task in tasks} for _, held in splits]
        for task in tasks:
            self._drop_copies(task, rows[task.name], table, main, [held for _, held in splits], kept)
        for task in tasks:
            if not all(fold[task.name] for fold in kept):
                raise DataError(
                    f"{rows[task.name].source}: task {task.name!r}: data.validation: a fold holds out all rows that "
                    "it could train on"
                )
        return kept

    def _drop_copies(
        self,
        task: Task[Any],
        rows: Table,
        table: Table,
        main: Task[Any],
        held: Sequence[Sequence[int]],
        kept: Sequence[dict[str, list[int]]],
    ) -> None:
        """Take from each fold's training rows (`kept`) those that nearly repeat a row of `table` that it holds out."""
        keys = task.inputs(rows).keys
        copies = copies_of(keys, main.inputs(table).keys, self.settings.clean)
        cases: list[str] = []
        for fold, places in zip(kept, held, strict=True):
            leaks = {row for row in fold[task.name] if not copies.get(row, set[int]()).isdisjoint(places)}
            fold[task.name] = [row for row in fold[task.name] if row not in leaks]
            cases += [keys[row] for row in sorted(leaks)]
        if cases and (task is main or task.settings.data is not None):
            self._note(rows, [Finding.of("text nearly the same as one that its fold holds out, over all folds", cases)])


def _counts_characters(task: Task[Any]) -> bool:
    return getattr(task.settings, "start", None) is not None


def _serves(validation: Table, task: Task[Any]) -> bool:
    """Whether a validation file has all columns that a task reads."""
    try:
        task.inputs(validation)
        task.answers(validation)
    except DataError:
        return False
    return True


def _outside(task: Task[Any], rows: Table, table: Table, main: Task[Any], held: Sequence[int]) -> list[int]:
    """The training rows of a task that are none of a fold's held-out rows, nor the same text."""
    if task.settings.data is None:
        lines = {table.lines[row] for row in held}
        return [row for row, line in enumerate(rows.lines) if line not in lines]
    keys = main.inputs(table).keys
    texts = {normalised(keys[row]) for row in held}
    return [row for row, key in enumerate(task.inputs(rows).keys) if normalised(key) not in texts]
