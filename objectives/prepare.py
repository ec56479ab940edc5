"""From the settings of an objective to what trainers need: done once a study, the same for every trial."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from ..spaces.augmentation import AugmentationSpace
from ..spaces.cleaning import CleaningSpace
from .augmentation.bank import TokenBank
from .augmentation.building import Source, build_bank
from .augmentation.generating import Progress
from .augmentation.making import make_operations
from .augmentation.operation import Judge, Resources
from .checking import check_operations, make_tasks
from .codes import study_vocabulary, text_codes
from .data.corpus import read_corpus
from .data.near import NEAR
from .droppable import check_suspects, find_droppable
from .models.encoders import open_encoder
from .models.factory import ModelFactory
from .prepared import PreparedObjective
from .settings import ObjectiveSettings
from .tokenised import Tokenised
from .training.device import choose_device


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
    device: torch.device | None = None,
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
        device: where language models write new rows; None: the fastest here.

    Raises:
        OperationUnavailable: an operation lacks what it needs; all of them are named.
        InputError: a file, row, label, encoder or setting that cannot be used.
    """
    cleaning, given = cleaning or CleaningSpace(), make_tasks(settings)
    check_suspects(settings.data.clean, cleaning, given[0])
    corpus = read_corpus(
        settings.data,
        given,
        base,
        seed,
        all_data=all_data,
        measured=settings.measured_tasks,
        keeps_near_duplicates=bool(cleaning.near_duplicates),
    )
    check_operations(augmentation.operations, corpus.tasks[0])
    main, limit = corpus.tasks[0], settings.model.max_length
    resources = Resources(
        base=base,
        encoder=settings.model.encoder,
        rows=main.rows(corpus.train[main.name]),
        labels=main.labels,
        max_length=limit,
        seed=seed,
        judge=judge,
        device=device or choose_device("auto"),
        revision=settings.model.revision,
    )
    operations = make_operations(augmentation, resources)
    tasks = corpus.by_name
    texts = [text for name, rows in corpus.train.items() for text in tasks[name].texts(rows)]
    encoder = open_encoder(settings.model.encoder, base, texts, settings.model.max_length, settings.model.revision)
    tokenised = Tokenised.of(corpus, encoder, settings.model.max_length)
    source = _source(settings, tokenised, seed, all_data=all_data)
    bank = build_bank(source, operations.made, augmentation, progress)
    droppable, left_out = find_droppable(corpus, tokenised.main, encoder, settings.data.clean, cleaning, seed)
    known = [*corpus.findings, *left_out, *tokenised.findings(), *bank.findings(source.task.inputs(source.table).keys)]
    whole = replace(
        _assembled(settings, seed, tokenised, bank),
        findings=list(dict.fromkeys(known)),
        operations=replace(operations, made={}),  # the bank is built: their models are of no more use
        droppable=droppable,
    )
    return replace(whole, folds=[whole.of_fold(fold) for fold in corpus.folds])


def _source(settings: ObjectiveSettings, tokenised: Tokenised, seed: int, *, all_data: bool) -> Source:
    """The rows that variants are made of.

    What they must not repeat: validation and test rows nearly; with folds, other training rows to the letter. A variant
    is of its own row, which it may be near to; so between folds only equality is a leak.
    """
    corpus, main = tokenised.corpus, tokenised.corpus.tasks[0]
    table = corpus.train[main.name]
    held = [] if all_data or corpus.folds else main.inputs(corpus.validation).keys
    test = main.inputs(corpus.test).keys if corpus.test is not None else []
    return Source(
        task=main,
        table=table,
        examples=tokenised.main,
        held_out=[*held, *test],
        others=main.inputs(table).keys if corpus.folds else [],
        encoder=tokenised.encoder,
        max_length=tokenised.max_length,
        seed=seed,
        near=settings.data.clean.near_leaks or NEAR,
        training=settings.training.model_dump_json(),
    )


def _assembled(settings: ObjectiveSettings, seed: int, tokenised: Tokenised, bank: TokenBank) -> PreparedObjective:
    """All rows in the numbers of the tokens that occur, and the models that know these."""
    corpus, encoder, every = tokenised.corpus, tokenised.encoder, tokenised.every
    vocabulary = study_vocabulary(settings, encoder, [bank.tokens, *(found.tokens for found in every)], every)
    codes = text_codes(encoder, vocabulary)
    tasks = corpus.by_name
    return PreparedObjective(
        settings=settings,
        seed=seed,
        corpus=corpus,
        findings=(),
        encoder=encoder,
        codes=codes,
        normalisers={name: tasks[name].normaliser(found, codes) for name, found in tokenised.train.items()},
        train=tokenised.training_rows(vocabulary, bank.tokens.lengths),
        bank=bank.numbered(vocabulary.new_ids),
        validations=tokenised.rows(tokenised.validations, vocabulary),
        test=tokenised.rows(tokenised.test, vocabulary).get(corpus.tasks[0].name),
        models=ModelFactory(encoder, corpus.tasks, vocabulary, seed, settings.model.pooling),
    )
