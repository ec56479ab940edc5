"""All rows of a study: read, checked, cleaned and split; the same for every trial."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...spaces.errors import DataError
from ..settings import CleaningSettings, DataSettings, Folds
from ..tasks.task import Task
from .cleaning import Finding, taken
from .folding import Fold, labels_of, reads, rows_on, rows_outside
from .loading import load_table
from .repairs import label_lists, respelt, spellings, with_repaired_texts
from .sifting import HeldOut, apart, copies_of, sift
from .sources import resolve_source
from .splits import another_share, folds, random_split, stratified_split
from .table import Table, append, take
from .teaching import refusals, unlearnt


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
    folds: Sequence[Fold] = ()
    """The folds of a cross-validation."""

    @property
    def by_name(self) -> dict[str, Task[Any]]:
        """The tasks, by their names."""
        return {task.name: task for task in self.tasks}

    @property
    def validation(self) -> Table:
        """The main task's validation rows."""
        return self.validations[self.tasks[0].name]

    @property
    def labels(self) -> dict[str, list[str]]:
        """The labels of each task that tells some apart, in the order of a model's outputs."""
        return {task.name: list(task.labels) for task in self.tasks if task.labels}


def read_corpus(
    settings: DataSettings,
    tasks: Sequence[Task[Any]],
    base: Path,
    seed: int,
    *,
    all_data: bool = False,
    measured: Collection[str] = (),
    keeps_near_duplicates: bool = False,
) -> Corpus:
    """Read every file that the study names.

    Args:
        settings: the study file's `data:`.
        tasks: the main task first; not fitted yet.
        base: the folder that paths are relative to.
        seed: of the split.
        all_data: train on the validation rows too.
        measured: auxiliary tasks that need validation rows.
        keeps_near_duplicates: those among the main task's rows stay, because each trial leaves out its own choice.

    Raises:
        DataError: a file, column, row or label that cannot be used; the message names it.
    """
    clean = settings.clean
    rules = clean.model_copy(update={"near_duplicates": None}) if keeps_near_duplicates else clean
    return _Reading(settings, tasks, base, seed, rules, all_data=all_data, measured=measured).corpus()


@dataclass
class _Reading:
    """The steps from files to a corpus; `findings` and `tables` grow on the way."""

    settings: DataSettings
    given: Sequence[Task[Any]]
    base: Path
    seed: int
    rules: CleaningSettings
    """How the main task's rows are cleaned; an auxiliary's own are as `settings` has it."""
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
        table = self._read(self.settings.train)
        _check_columns(table, shared)
        table = self._spelt(table, shared, learn=True)
        main = unfitted.fitted(table)
        given = self.settings.validation
        validation = self._held_out(given, main, shared) if isinstance(given, str) else None
        test = self._held_out(self.settings.test, main, shared) if self.settings.test else None
        forbidden = sum((_held_out(main, rows) for rows in (validation, test) if rows is not None), HeldOut())
        train = self._training(table, main, forbidden, self.rules)
        tested = self._also_in_test(validation, test, main) if validation is not None and test is not None else ()
        if isinstance(given, float):
            train, validation = self._split(train, main, given)
            forbidden += _held_out(main, validation)
            train = train if self.all_data else self._apart(train, validation, main)
        self.held[main.name] = train if validation is None else validation
        tasks, rows = [main], {main.name: train}
        for task in auxiliaries:
            fitted, rows[task.name] = self._auxiliary(task, table, train, main, (validation, test), forbidden)
            tasks.append(fitted)
        split = self._folds(given.folds, tasks, rows) if isinstance(given, Folds) and not self.all_data else ()
        if self.all_data and validation is not None:
            untested = take(validation, [row for row in range(len(validation)) if row not in tested])
            rows = {task.name: self._with_validation(task, rows[task.name], untested) for task in tasks}
        if not split:
            tasks = [task.learnt(rows[task.name]) for task in tasks]
        for task in tasks:
            self._note_unlearnt(task, rows[task.name], [fold.train[task.name] for fold in split])
        prints = {text: table.fingerprint for text, table in self.tables.items()}
        return Corpus(tasks, rows, self.held, test, self.findings, prints, split)

    def _read(self, text: str) -> Table:
        if text not in self.tables:
            table = load_table(resolve_source(text, self.base))
            # A span's place counts the characters of the text as it is in the file.
            if self.settings.clean.repair_text and not any(task.settings.counts_characters for task in self.given):
                words = {name for task in self.given if (name := task.settings.word_column)}
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
        return self._vetted(self._spelt(self._read(text), tasks), task)

    def _vetted(self, table: Table, task: Task[Any]) -> Table:
        """Rows to measure a task on. DataError: it can use none of them."""
        table, found = task.vetted(table, training=False)
        task.inputs(table)
        if not len(table):
            raise DataError(f"{table.source}: task {task.name!r}: no validation or test rows are left: {taken(found)}")
        self._note(table, found)
        return table

    def _note(self, table: Table, found: Sequence[Finding]) -> None:
        self.findings += [replace(finding, what=f"{table.source}: {finding.what}") for finding in found]

    def _training(self, table: Table, task: Task[Any], forbidden: HeldOut, rules: CleaningSettings) -> Table:
        """The rows that a fitted task trains on: vetted, then cleaned."""
        table, found = task.vetted(table, training=True)
        self._note(table, found)
        kept, dropped = sift(
            task.inputs(table).keys,
            task.answers(table),
            forbidden,
            rules,
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
        drawn = _held_out(task, validation)
        kept, dropped = apart(task.inputs(train).keys, labels_of(task, train), drawn, self.settings.clean)
        self._note(train, dropped)
        if not kept:
            raise DataError(
                f"{train.source}: task {task.name!r}: every row nearly repeats one drawn for validation; "
                "set data.clean.near_leaks to null, or give data.validation a file"
            )
        return take(train, kept)

    def _also_in_test(self, validation: Table, test: Table, main: Task[Any]) -> Collection[int]:
        """The rows of a validation file that test has too, told of: test would measure what trials are chosen by."""
        inputs = main.inputs(validation)
        copies, keys = copies_of(inputs, main.inputs(test), self.settings.clean), inputs.keys
        if copies:
            cases = [f"{validation.unit} {validation.lines[row]}: {keys[row]}" for row in copies]
            action = "dropped" if self.all_data else "noted"
            self._note(validation, [Finding.of("text nearly the same as one in test data", cases, action)])
        return copies

    def _auxiliary(
        self,
        task: Task[Any],
        table: Table,
        train: Table,
        main: Task[Any],
        held: Iterable[Table | None],
        forbidden: HeldOut,
    ) -> tuple[Task[Any], Table]:
        """A fitted auxiliary and its rows: its own, or those of the main task.

        Its own must not repeat held-out rows of the main task: neither as that reads them, nor as the auxiliary would.
        """
        own = task.settings.data
        if own is not None:
            table = self._read(own.train)
            _check_columns(table, [task])
            table = self._spelt(table, [task], learn=True)
            fitted = task.fitted(table)
            if task.name in self.measured and own.validation is None:
                raise DataError(f"tasks: {task.name}: data: its metric is an objective, so it needs `validation: FILE`")
            readable = [rows for rows in held if rows is not None and reads(fitted, rows)]
            forbidden = sum((HeldOut.of(fitted.inputs(rows)) for rows in readable), forbidden.unlabelled)
            if own.validation is not None:
                self.held[task.name] = self._held_out(own.validation, fitted, [task])
                forbidden += _held_out(fitted, self.held[task.name])
            return fitted, self._training(table, fitted, forbidden, self.settings.clean)
        fitted = task.fitted(table)
        if task.name in self.measured:
            self.held[task.name] = self._vetted(self.held[main.name], fitted)
        fitted.inputs(train)
        rows, found = fitted.vetted(train, training=True)
        self._note(rows, found)
        if not len(rows):
            raise DataError(f"{table.source}: task {task.name!r}: no rows are left that it can train on")
        return fitted, rows

    def _with_validation(self, task: Task[Any], rows: Table, validation: Table) -> Table:
        """A task's rows with those of the main task's validation rows that it can train on, where it shares them."""
        if task.settings.data is not None:
            return rows
        refused = refusals(task, validation)
        if refused:
            what = f"row that task {task.name!r} cannot train on"
            self._note(validation, [Finding.of(what, list(refused.values()))])
        usable = [row for row in range(len(validation)) if row not in refused]
        if not usable:
            return rows
        more, found = task.vetted(take(validation, usable), training=True)
        self._note(validation, [finding for finding in found if finding.action == "dropped"])
        return append(rows, more)

    def _folds(self, count: int, tasks: Sequence[Task[Any]], rows: Mapping[str, Table]) -> list[Fold]:
        main = tasks[0]
        table = rows[main.name]
        try:
            splits = folds(len(table), main.strata(table), count, self.seed)
        except DataError as error:
            raise DataError(f"{table.source}: task {main.name!r}: data.validation: {error}") from error
        parts = [held for _, held in splits]
        train = {task.name: self._rows_outside(parts, table, main, rows[task.name], task) for task in tasks}
        shared = [task.name for task in tasks if task.name in self.held and task.settings.data is None]
        held = {name: rows_on(parts, table, self.held[name]) for name in shared}
        for name, folds_rows in held.items():
            if not all(folds_rows):
                where = f"{table.source}: task {name!r}: data.validation"
                raise DataError(f"{where}: fold {folds_rows.index([]) + 1} holds out no row that it can be measured on")
        return [
            Fold({name: its[fold] for name, its in train.items()}, {name: its[fold] for name, its in held.items()})
            for fold in range(count)
        ]

    def _rows_outside(
        self, parts: Sequence[Sequence[int]], table: Table, main: Task[Any], rows: Table, task: Task[Any]
    ) -> list[list[int]]:
        kept, leaks = rows_outside(parts, table, main, rows, task, self.settings.clean)
        if leaks and (task is main or task.settings.data is not None):
            self._note(rows, [Finding.of("text nearly the same as one that its fold holds out, over all folds", leaks)])
        if not all(kept):
            raise DataError(
                f"{rows.source}: task {task.name!r}: data.validation: a fold holds out all rows that it could train on"
            )
        return kept

    def _note_unlearnt(self, task: Task[Any], rows: Table, folds: Sequence[Sequence[int]]) -> None:
        """Tell of the labels that the head has and no training row, or none of some fold's, teaches.

        No error: a confirmation splits again on each fresh seed, and must not fail by a rare class after the search.
        """
        lost = unlearnt(task, rows, folds or [range(len(rows))])
        if lost:
            whose = "some fold has no training row of" if folds else "no training row has"
            what = (
                f"label of task {task.name!r} that {whose} after cleaning and splitting; it needs more, dissimilar rows"
            )
            self._note(rows, [Finding.of(what, lost, "noted")])


def _held_out(task: Task[Any], rows: Table) -> HeldOut:
    """Rows of a task as its training rows must not repeat them."""
    return HeldOut.of(task.inputs(rows), labels_of(task, rows))


def _check_columns(table: Table, tasks: Iterable[Task[Any]]) -> None:
    """All columns that tasks name and their training rows lack, in one DataError."""
    missing = [
        f"tasks.{task.name}.{key}: {table.lacks(column)}"
        for task in tasks
        for key, column in task.settings.columns().items()
        if column not in table.names
    ]
    if missing:
        raise DataError("\n".join(missing))
