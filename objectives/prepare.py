"""From the settings of an objective to what trainers need: done once a study, the same for every trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch

from ..spaces.augmentation import AugmentationSpace
from ..spaces.cleaning import CleaningSpace
from ..spaces.configuration import Configuration
from ..spaces.training import TrainingSettings
from .augmentation.building import Source, build_bank
from .augmentation.generating import Progress
from .augmentation.making import Operations, make_operations
from .augmentation.operation import Judge, Resources
from .augmentation.tokens import TokenBank
from .checking import check_operations, make_tasks
from .codes import study_vocabulary, text_codes
from .data.batches import bucket_lengths
from .data.cleaning import Finding
from .data.corpus import Corpus, read_corpus
from .data.folding import Fold
from .data.table import Table
from .data.targets import Targets, TextTargets, take_targets
from .data.tokens import TokenTable
from .droppable import Droppable, check_suspects, find_droppable
from .lengths import cut_texts
from .models.encoders import EncoderSource, open_encoder
from .models.factory import ModelFactory
from .models.vocabulary import Vocabulary
from .settings import ObjectiveSettings
from .tasks.batch import Examples, TextCodes
from .tasks.task import Task


@dataclass(frozen=True)
class TaskRows:
    """One task's rows, as tensors. `targets` has one row for each of `tokens`."""

    task: Task[Any]
    tokens: TokenTable
    targets: Targets
    buckets: tuple[int, ...]

    def take(self, rows: Sequence[int]) -> "TaskRows":
        """Some rows, in the same buckets."""
        chosen = torch.tensor(rows, dtype=torch.int64)
        return replace(self, tokens=self.tokens.take(chosen), targets=take_targets(self.targets, chosen))


@dataclass(frozen=True)
class PreparedObjective:
    """All that a trainer needs. Immutable: trials share it."""

    settings: ObjectiveSettings
    seed: int
    corpus: Corpus
    findings: Sequence[Finding]
    """What was dropped, repaired and noted on the way from files to tensors."""
    encoder: EncoderSource
    codes: TextCodes
    normalisers: Mapping[str, float]
    train: Mapping[str, TaskRows]
    """Training rows of every task, the main one first."""
    bank: TokenBank
    """The main task's training rows and their augmented variants."""
    validations: Mapping[str, TaskRows]
    """Validation rows of the main task, and of every auxiliary that is measured."""
    test: TaskRows | None
    models: ModelFactory
    operations: Operations = field(default_factory=lambda: Operations({}))
    """The text operations of the bank, and those that were dropped because their needs are missing."""
    folds: Sequence["PreparedObjective"] = ()
    """The folds of a cross-validation, each with its own rows; none: one split, this one."""
    droppable: Droppable = field(default_factory=Droppable)
    """Training rows that some configurations leave out."""
    counted_rows: int | None = None
    """Main-task rows that a trial's length is counted by; None: those there are."""

    @property
    def pad(self) -> int:
        """The padding token's id."""
        return self.codes.pad

    @property
    def validation(self) -> TaskRows:
        """The main task's validation rows."""
        return self.validations[self.settings.main_task]

    @property
    def main(self) -> TaskRows:
        return self.train[self.settings.main_task]

    @property
    def steps_per_epoch(self) -> int:
        """Main-task optimizer steps of one epoch at the study's own batch size, for every trial alike."""
        rows = len(self.main.tokens) if self.counted_rows is None else self.counted_rows
        return -(-rows // self.settings.training.batch_size)

    def cleaned(self, configuration: Configuration) -> "PreparedObjective":
        """What a configuration trains on: without the rows that it leaves out, for as many steps as any other."""
        counts = {name: len(rows.tokens) for name, rows in self.train.items()}
        kept = self.droppable.kept(configuration.cleaning, counts)
        main = self.settings.main_task
        return replace(
            self,
            train={name: rows.take(kept[name]) if name in kept else rows for name, rows in self.train.items()},
            bank=self.bank.take(torch.tensor(kept[main], dtype=torch.int64)) if main in kept else self.bank,
            droppable=Droppable(),
            counted_rows=counts[main] if self.counted_rows is None else self.counted_rows,
        )

    @property
    def augmented(self) -> dict[str, object]:
        """For whoever reports it: each text operation's counts, why others were dropped, and which change labels."""
        return {
            "operations": self.bank.counts(),
            "dropped": dict(self.operations.dropped),
            "label_changing": list(self.operations.label_changing),
        }

    def training_of(self, configuration: Configuration) -> TrainingSettings:
        """The study's training settings with what the configuration changes."""
        changed = {**self.settings.training.model_dump(), **configuration.training}
        return TrainingSettings.model_validate(changed)

    def rungs(self, training: TrainingSettings) -> list[int]:
        """The steps at which a trial is evaluated, rising; the last one is its length. With folds, each fold's end."""
        if self.folds:
            return list(accumulate(fold.rungs(training)[-1] for fold in self.folds))
        count = training.epochs * training.evaluations_per_epoch
        steps = (round(self.steps_per_epoch * rung / training.evaluations_per_epoch) for rung in range(1, count + 1))
        return sorted({max(step, 1) for step in steps})


def prepare(  # noqa: PLR0913
    settings: ObjectiveSettings,
    augmentation: AugmentationSpace,
    base: Path,
    seed: int,
    *,
    cleaning: CleaningSpace | None = None,
    all_data: bool = False,
    progress: Progress = lambda *_: None,
    judge: Callable[[], Judge] | None = None,
) -> PreparedObjective:
    """Read, clean, split, augment and tokenise everything, and build the model that trials copy.

    Args:
        settings: the study file's data, model, tasks and training.
        augmentation: which variants of the training rows a mix may ask for.
        base: the folder that paths are relative to.
        seed: of the split, the batch order, the variants and the first weights.
        cleaning: which training rows a configuration may leave out; None: what `data: clean:` says.
        all_data: train on the validation rows too.
        progress: hears how far the generation of augmented rows is.
        judge: trains the baseline, for operations that ask it; it is called only where rows are generated.

    Raises:
        OperationUnavailable: an operation lacks what it needs; all of them are named.
        InputError: a file, row, label, encoder or setting that cannot be used.
    """
    measured, cleaning, given = settings.measured_tasks, cleaning or CleaningSpace(), make_tasks(settings)
    check_suspects(settings.data.clean, cleaning, given[0])
    searched = bool(cleaning.near_duplicates)
    corpus = read_corpus(
        settings.data, given, base, seed, all_data=all_data, measured=measured, keeps_near_duplicates=searched
    )
    tasks = {task.name: task for task in corpus.tasks}
    main = corpus.tasks[0]
    check_operations(augmentation.operations, main)
    limit = settings.model.max_length
    table = corpus.train[main.name]
    labels = getattr(main, "labels", ())
    resources = Resources(base, settings.model.encoder, main.rows(table), labels, limit, seed, judge)
    operations = make_operations(augmentation, resources)
    texts = [text for name, rows in corpus.train.items() for text in tasks[name].texts(rows)]
    encoder = open_encoder(settings.model.encoder, base, texts, limit)

    def examples(tables: Mapping[str, Table]) -> dict[str, Examples]:
        return {name: tasks[name].examples(table, encoder, limit) for name, table in tables.items()}

    train, held = examples(corpus.train), examples(corpus.validations)
    tests = {} if corpus.test is None else {main.name: corpus.test}
    test = examples(tests)
    held_out, others = _forbidden(corpus, all_data=all_data)
    trained = settings.training.model_dump_json()
    source = Source(main, table, train[main.name], held_out, others, encoder, limit, seed, trained)
    bank = build_bank(source, operations.made, augmentation, progress)
    droppable, left_out = find_droppable(corpus, train[main.name], encoder, settings.data.clean, cleaning, seed)
    parts = {"training": (corpus.train, train), "validation": (corpus.validations, held), "test": (tests, test)}
    cut = _by_rows({name: cut_texts(tasks, *part, encoder, limit) for name, part in parts.items()})
    every = [*train.values(), *held.values(), *test.values()]
    unusable = [note for found in every for note in found.findings]
    augmented = bank.findings(main.inputs(table).keys)
    vocabulary = study_vocabulary(settings, encoder, [bank.tokens, *(found.tokens for found in every)], every)
    codes = text_codes(encoder, vocabulary)

    def rows(found: Mapping[str, Examples]) -> dict[str, TaskRows]:
        return {name: _rows(tasks[name], examples, vocabulary, limit) for name, examples in found.items()}

    whole = PreparedObjective(
        settings=settings,
        seed=seed,
        corpus=corpus,
        findings=list(dict.fromkeys([*corpus.findings, *left_out, *cut, *unusable, *augmented])),
        encoder=encoder,
        codes=codes,
        normalisers={name: tasks[name].normaliser(examples, codes) for name, examples in train.items()},
        train=_with_variants(rows(train), corpus, bank_lengths=bank.tokens.lengths, limit=limit),
        bank=bank.numbered(vocabulary.new_ids),
        operations=operations,
        validations=rows(held),
        test=rows(test).get(main.name),
        models=ModelFactory(encoder, corpus.tasks, vocabulary, seed, settings.model.pooling),
        droppable=droppable,
    )
    return replace(whole, folds=[_fold(whole, fold) for fold in corpus.folds])


def _forbidden(corpus: Corpus, *, all_data: bool) -> tuple[list[str], list[str]]:
    """What variants must not repeat: validation and test rows nearly; with folds, other training rows to the letter.

    A variant is of its own row, which it may be near to; so between folds only equality is a leak.
    """
    main = corpus.tasks[0]
    held = [] if all_data or corpus.folds else main.inputs(corpus.validation).keys
    test = main.inputs(corpus.test).keys if corpus.test is not None else []
    return [*held, *test], main.inputs(corpus.train[main.name]).keys if corpus.folds else []


def _by_rows(notes: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """Notes that say which rows they are of; the rows that folds hold out are training rows, and told of as these."""
    first: dict[Finding, str] = {}
    for rows, found in notes.items():
        for note in found:
            first.setdefault(note, rows)
    return [replace(note, what=f"{note.what} in {rows} rows") for note, rows in first.items()]


def _rows(task: Task[Any], examples: Examples, vocabulary: Vocabulary, limit: int) -> TaskRows:
    numbers, targets = vocabulary.new_ids, examples.targets
    if isinstance(targets, TextTargets):
        targets = targets.mapped(numbers)
    tokens = examples.tokens.mapped(numbers)
    return TaskRows(task, tokens, targets, bucket_lengths(tokens.lengths, limit))


def _with_variants(
    rows: Mapping[str, TaskRows], corpus: Corpus, bank_lengths: torch.Tensor, limit: int
) -> dict[str, TaskRows]:
    """Training rows with one more bucket where a variant is longer than every row, so that shapes still repeat.

    Tasks on the main task's rows get it too: they are batched together.
    """
    main = corpus.tasks[0].name
    buckets = tuple(sorted({*rows[main].buckets, bucket_lengths(bank_lengths, limit)[-1]}))
    return {
        name: replace(found, buckets=buckets) if corpus.train[name] is corpus.train[main] else found
        for name, found in rows.items()
    }


def _fold(whole: PreparedObjective, fold: Fold) -> PreparedObjective:
    """The objective of one fold: some training rows of each task, measured on those that it holds out."""
    kept = fold.train
    held = {name: whole.validations[name].take(rows) for name, rows in fold.held.items()}
    return replace(
        whole,
        train={name: rows.take(kept[name]) for name, rows in whole.train.items()},
        bank=whole.bank.take(torch.tensor(kept[whole.settings.main_task], dtype=torch.int64)),
        validations={**whole.validations, **held},
        droppable=whole.droppable.take(kept),
    )
