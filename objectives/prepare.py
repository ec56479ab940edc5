"""From the settings of an objective to what trainers need: done once a study, the same for every trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..spaces.augmentation import AugmentationSpace
from ..spaces.configuration import Configuration
from ..spaces.errors import StudyFileError
from ..spaces.training import TrainingSettings
from .augmentation.bank import TEXT_OPERATIONS
from .augmentation.tokens import TokenBank, build_bank
from .data.batches import bucket_lengths
from .data.corpus import Corpus, read_corpus
from .data.tokens import TokenTable, tokenize
from .models.encoders import EncoderSource, open_encoder
from .models.multi_task import ModelFactory
from .models.vocabulary import Vocabulary, full_vocabulary, seen_vocabulary
from .settings import COSTS, ObjectiveSettings
from .tasks.registry import task_type
from .tasks.task import Task, TextCodes


@dataclass(frozen=True)
class TaskRows:
    """One task's rows, as tensors. `targets` has one row for each of `tokens`."""

    task: Task[Any]
    tokens: TokenTable
    targets: torch.Tensor
    buckets: tuple[int, ...]


@dataclass(frozen=True)
class PreparedObjective:
    """All that a trainer needs. Immutable: trials share it."""

    settings: ObjectiveSettings
    seed: int
    corpus: Corpus
    encoder: EncoderSource
    codes: TextCodes
    pad: int
    normalisers: Mapping[str, float]
    train: Mapping[str, TaskRows]
    """Training rows of every task, the main one first."""
    bank: TokenBank
    """The main task's training rows and their augmented variants."""
    validation: TaskRows
    test: TaskRows | None
    models: ModelFactory

    @property
    def main(self) -> TaskRows:
        return self.train[self.settings.main_task]

    @property
    def steps_per_epoch(self) -> int:
        """Main-task optimizer steps of one epoch at the study's own batch size, for every trial alike."""
        return -(-len(self.main.tokens) // self.settings.training.batch_size)

    def training_of(self, configuration: Configuration) -> TrainingSettings:
        """The study's training settings with what the configuration changes."""
        changed = {**self.settings.training.model_dump(), **configuration.training}
        return TrainingSettings.model_validate(changed)

    def rungs(self, training: TrainingSettings) -> list[int]:
        """The steps at which a trial is evaluated, rising; the last one is its length."""
        count = training.epochs * training.evaluations_per_epoch
        steps = (round(self.steps_per_epoch * rung / training.evaluations_per_epoch) for rung in range(1, count + 1))
        return sorted({max(step, 1) for step in steps})


def make_tasks(settings: ObjectiveSettings) -> list[Task[Any]]:
    """The study's tasks, the main one first; their labels are not known yet.

    Raises:
        StudyFileError: an objective is nothing that a trial is measured by.
    """
    tasks = [task_type(task.kind)(name, task) for name, task in settings.tasks.items()]
    check_objective(settings.objective, tasks)
    return tasks


def check_objective(objective: str | Sequence[str], tasks: Sequence[Task[Any]]) -> None:
    """The first objective is a metric of the main task, and none is a loss that the search itself weights.

    Args:
        objective: one, or several: further ones may be metrics of auxiliary tasks, and inference costs.
        tasks: the study's, the main one first.

    Raises:
        StudyFileError: one is not; the message says what is allowed.
    """
    main = tasks[0]
    if not main.metrics:
        raise StudyFileError(
            f"tasks: {main.name}: a task of kind {main.kind} cannot be the main task; put another first"
        )
    first, *others = [objective] if isinstance(objective, str) else objective
    _check_first(first, main, tasks)
    every = [f"{task.name}.{metric}" for task in tasks for metric in task.metrics] + list(COSTS)
    for other in others:
        _refuse_loss(other, every)
        if other not in every:
            raise StudyFileError(f"objective: nothing measures {other!r}. Allowed: {', '.join(every)}")


def _check_first(objective: str, main: Task[Any], tasks: Sequence[Task[Any]]) -> None:
    """By it a trial's best step is chosen, so it must be what the study is about."""
    name, _, metric = objective.partition(".")
    allowed = [f"{main.name}.{known}" for known in main.metrics]
    _refuse_loss(objective, allowed)
    if objective in COSTS:
        raise StudyFileError(
            f"objective: {objective!r} cannot be the first, nor the only one. Allowed: {', '.join(allowed)}"
        )
    if name != main.name:
        known = ", ".join(task.name for task in tasks)
        reason = f"{name!r} is not the main task (the first of: {known})" if metric else "it must read <task>.<metric>"
        raise StudyFileError(f"objective: {objective!r}: {reason}. Allowed: {', '.join(allowed)}")
    if metric not in main.metrics:
        raise StudyFileError(
            f"objective: tasks of kind {main.kind} have no metric {metric!r}. Allowed: {', '.join(allowed)}"
        )


def _refuse_loss(objective: str, allowed: Sequence[str]) -> None:
    name, _, metric = objective.partition(".")
    if "loss" in (metric or name) and metric not in {known.partition(".")[2] for known in allowed}:
        raise StudyFileError(
            f"objective: {objective!r} is refused: a weighted or summed loss is made small by making its weights "
            f"small, so a search over the weights would measure nothing. Allowed: {', '.join(allowed)}"
        )


def check_operations(operations: Sequence[str], main: Task[Any]) -> None:
    """What blends the rows of a batch needs a main task whose rows can be blended."""
    for name in operations:
        if name not in TEXT_OPERATIONS and not main.mixes:
            raise StudyFileError(
                f"space: augmentation: operations: {name!r} cannot blend the rows of a {main.kind} task; leave it out"
            )


def prepare(
    settings: ObjectiveSettings, augmentation: AugmentationSpace, base: Path, seed: int, *, all_data: bool = False
) -> PreparedObjective:
    """Read, clean, split, augment and tokenise everything, and build the model that trials copy.

    Args:
        settings: the study file's data, model, tasks and training.
        augmentation: which variants of the training rows a mix may ask for.
        base: the folder that paths are relative to.
        seed: of the split, the batch order, the variants and the first weights.
        all_data: train on the validation rows too.

    Raises:
        InputError: a file, row, label, encoder or setting that cannot be used.
    """
    corpus = read_corpus(settings.data, make_tasks(settings), base, seed, all_data=all_data)
    main = corpus.tasks[0]
    check_operations(augmentation.operations, main)
    texts = {name: table.column(settings.tasks[name].text) for name, table in corpus.train.items()}
    limit = settings.model.max_length
    encoder = open_encoder(settings.model.encoder, base, [text for column in texts.values() for text in column], limit)
    tokens = {name: tokenize(column, encoder.tokenizer, limit) for name, column in texts.items()}
    held = {
        name: tokenize(table.column(main.settings.text), encoder.tokenizer, limit)
        for name, table in (("validation", corpus.validation), ("test", corpus.test))
        if table is not None
    }
    bank = build_bank(texts[main.name], tokens[main.name], augmentation, encoder.tokenizer, limit, seed)
    vocabulary = _vocabulary(settings, encoder, [*tokens.values(), *held.values(), bank.tokens])
    numbers = vocabulary.new_ids
    codes = _codes(encoder, vocabulary)

    def rows(task: Task[Any], table: TokenTable, targets: torch.Tensor) -> TaskRows:
        buckets = bucket_lengths(table.lengths, limit)
        if table is tokens[main.name]:
            # A variant may be longer than every row: one more bucket, so that shapes still repeat.
            buckets = tuple(sorted({*buckets, bucket_lengths(bank.tokens.lengths, limit)[-1]}))
        return TaskRows(task, table.mapped(numbers), targets, buckets)

    return PreparedObjective(
        settings=settings,
        seed=seed,
        corpus=corpus,
        encoder=encoder,
        codes=codes,
        pad=int(numbers[encoder.pad]),
        normalisers={task.name: task.normaliser(codes) for task in corpus.tasks},
        train={
            task.name: rows(task, tokens[task.name], task.targets(corpus.train[task.name])) for task in corpus.tasks
        },
        bank=bank.mapped(numbers),
        validation=rows(main, held["validation"], main.targets(corpus.validation)),
        test=rows(main, held["test"], main.targets(corpus.test)) if corpus.test is not None else None,
        models=ModelFactory(encoder, corpus.tasks, vocabulary, seed),
    )


def _vocabulary(settings: ObjectiveSettings, encoder: EncoderSource, tables: Sequence[TokenTable]) -> Vocabulary:
    size: int = encoder.config.get_text_config().vocab_size
    if not settings.model.trim_vocabulary or encoder.location is None:
        return full_vocabulary(size)
    return seen_vocabulary(tables, encoder.tokenizer, size)


def _codes(encoder: EncoderSource, vocabulary: Vocabulary) -> TextCodes:
    numbers, tokenizer = vocabulary.new_ids, encoder.tokenizer
    special = [i for i in tokenizer.all_special_ids if i < vocabulary.full_size]
    mask = tokenizer.mask_token_id
    return TextCodes(
        size=vocabulary.size,
        mask=int(numbers[mask]) if isinstance(mask, int) else None,
        special=numbers[torch.tensor(special, dtype=torch.int64)],
    )
