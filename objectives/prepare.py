"""From the settings of an objective to what trainers need: done once a study, the same for every trial."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from ..spaces.augmentation import AugmentationSpace
from ..spaces.cleaning import CleaningSpace
from .augmentation.bank import TokenBank
from .augmentation.building import Source, build_bank
from .augmentation.generating import BankProgress
from .augmentation.making import make_operations
from .augmentation.operation import Judge, Resources
from .checking import check_operations, make_tasks
from .codes import study_vocabulary, text_codes
from .corpus.corpus import Corpus
from .corpus.reading import read_corpus
from .data.cleaning import Finding
from .data.near import NEAR
from .doubts import doubts
from .droppable import check_suspects, find_droppable
from .models.encoders import EncoderSource, open_encoder
from .multi_task.factory import ModelFactory
from .prepared import PreparedObjective
from .settings import ObjectiveSettings
from .tokenised import Tokenised
from .training.device import choose_device

Judging = Callable[[ObjectiveSettings, Path, int, torch.device], Judge]
"""Trains a judge for an objective, from the folder of its paths, its seed and the device."""


def prepare(  # noqa: PLR0913
    settings: ObjectiveSettings,
    augmentation: AugmentationSpace,
    base: Path,
    seed: int,
    *,
    cleaning: CleaningSpace | None = None,
    all_data: bool = False,
    progress: BankProgress = lambda *_: None,
    judge: Judging | None = None,
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
        judge: trains the baseline, for operations that ask it, as baseline_judge does; it is called only where rows
            are generated.
        device: where language models write new rows and the baseline is trained; None: the fastest here.

    Raises:
        OperationUnavailable: an operation lacks what it needs; all of them are named.
        InputError: a file, row, label, encoder or setting that cannot be used.
    """
    torch.set_flush_denormal(True)  # as trainers do, but before torch starts its threads, which inherit it
    cleaning, given, device = cleaning or CleaningSpace(), make_tasks(settings), device or choose_device("auto")
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
    operations = make_operations(augmentation, _resources(settings, corpus, base, seed, device, judge))
    encoder = _encoder(settings, corpus, base)
    tokenised = Tokenised.of(corpus, encoder, settings.model.max_length)
    source = _source(settings, tokenised, seed, all_data=all_data)
    bank = build_bank(source, operations.made, augmentation, progress)
    droppable, left_out = find_droppable(corpus, tokenised.main, encoder, settings.data, cleaning, seed)
    whole = replace(
        _assembled(settings, seed, tokenised, bank),
        findings=_findings(settings, tokenised, bank, left_out),
        operations=replace(operations, made={}),  # the bank is built: their models are of no more use
        droppable=droppable,
    )
    return replace(whole, folds=[whole.of_fold(place) for place in range(len(corpus.folds))])


def _resources(
    settings: ObjectiveSettings, corpus: Corpus, base: Path, seed: int, device: torch.device, judge: Judging | None
) -> Resources:
    """What augmentation operations are made from; the baseline that judges is trained on this same objective."""
    main, model = corpus.tasks[0], settings.model
    return Resources(
        base=base,
        encoder=model.encoder,
        rows=main.rows(corpus.train[main.name]),
        labels=main.labels,
        max_length=model.max_length,
        seed=seed,
        judge=None if judge is None else partial(judge, settings, base, seed, device),
        device=device,
        revision=model.revision,
    )


def _encoder(settings: ObjectiveSettings, corpus: Corpus, base: Path) -> EncoderSource:
    """The study's encoder; one from scratch learns its vocabulary from all training texts."""
    texts = [text for name, rows in corpus.train.items() for text in corpus.by_name[name].texts(rows)]
    model = settings.model
    return open_encoder(model.encoder, base, texts, model.max_length, model.revision)


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


def _findings(
    settings: ObjectiveSettings, tokenised: Tokenised, bank: TokenBank, left_out: Sequence[Finding]
) -> list[Finding]:
    """What the user should know of the rows, each once; `left_out` is of those that a configuration may drop."""
    corpus, main = tokenised.corpus, tokenised.corpus.tasks[0]
    table = corpus.train[main.name]
    known = [
        *corpus.findings,
        *doubts(corpus, settings.objectives),
        *left_out,
        *tokenised.findings(),
        *bank.findings(main.inputs(table).keys),
    ]
    return list(dict.fromkeys(known))


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
