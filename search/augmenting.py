"""Augmented examples of a study's training rows, or of a data file, for inspection."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..objectives.augmentation.making import make_operations
from ..objectives.augmentation.operation import Resources
from ..objectives.augmentation.registry import BATCH_OPERATIONS, OPERATIONS, TEXT_OPERATIONS
from ..objectives.checking import check_operations
from ..objectives.corpus.reading import read_corpus
from ..objectives.data.loading import load_table
from ..objectives.data.row import Row
from ..objectives.data.sources import resolve_source, suggestion
from ..objectives.settings import ModelSettings
from ..objectives.tasks.registry import make_task
from ..objectives.training.device import choose_device
from ..objectives.training.judge import baseline_judge
from ..spaces.augmentation import AugmentationSpace
from ..spaces.errors import DataError, InputError
from .differences import difference
from .study_file.reading import is_study_file, read_study_file

_USUAL = ("noise", "reverse")
"""What is shown where nothing names operations: these need nothing beside a text."""
_LABEL = "label"


@dataclass(frozen=True)
class Rewritten:
    """A row and what one operation made of it; `augmented` is None where the operation refused the row."""

    line: int
    operation: str
    original: Row
    augmented: Row | None

    @property
    def texts(self) -> list[tuple[str, str | None]]:
        """Each text before and after; words that tags stand at are one text."""
        after = [None] * len(_texts(self.original)) if self.augmented is None else _texts(self.augmented)
        return list(zip(_texts(self.original), after, strict=True))

    def to_json(self, magnitude: float) -> dict[str, object]:
        """The row for programs: nothing is cut. A pair is a list of two texts."""
        before, after = zip(*self.texts, strict=True)
        pairs = [(old, new) for old, new in self.texts if new is not None]
        changes = [change for old, new in pairs for change in difference(old, new).changes]
        return {
            "row": self.line,
            "operation": self.operation,
            "magnitude": magnitude,
            "original": before[0] if len(before) == 1 else list(before),
            "augmented": None if self.augmented is None else after[0] if len(after) == 1 else list(after),
            "label": self.original.label,
            "new_label": None if self.augmented is None else self.augmented.label,
            "changed": [{"original": old, "augmented": new} for old, new in changes],
        }


@dataclass(frozen=True)
class Sample:
    """The rewritten rows, operation by operation, and what else there is to say."""

    rows: Sequence[Rewritten]
    notes: Sequence[str]
    unit: str
    """What a row's number counts: "line" or "row"."""


@dataclass(frozen=True)
class _Data:
    """The rows of a file, and what operations are made with."""

    resources: Resources
    lines: Sequence[int]
    unit: str
    space: AugmentationSpace


def augment(
    file: str,
    operations: Sequence[str],
    magnitude: float,
    rows: int,
    seed: int | None,
    text: str | None = None,
    label: str | None = None,
) -> Sample:
    """Rewrite a random choice of rows, shown in the file's order, as a study of this seed would.

    Args:
        file: a study file (its main task's cleaned training rows), or what `data: train:` may name.
        operations: by name; none: the study file's, or noise and reverse.
        magnitude: in [0, 1].
        rows: how many at most.
        seed: None: the study file's, or 0.
        text: column of a data file; None: text.
        label: column of a data file; None: label, where there is such a column.

    Raises:
        OperationUnavailable: an operation lacks what it needs.
        InputError: an unknown operation, a magnitude out of range, or a file or column that cannot be used.
    """
    if not 0 <= magnitude <= 1:
        raise InputError(f"--magnitude: {magnitude:g} is not between 0 and 1")
    for name in operations:
        if name not in OPERATIONS:
            near = suggestion(name, OPERATIONS)
            raise InputError(f"--operation: there is no {name!r}{near}; operations: {', '.join(OPERATIONS)}")
    if is_study_file(Path(file)):
        if text is not None or label is not None:
            raise InputError(f"{file}: --text and --label are for data files; a study file names its columns itself")
        return _sample(_of_study(Path(file), operations, seed), magnitude, rows)
    return _sample(_of_table(file, operations, seed or 0, text or "text", label), magnitude, rows)


def _of_study(path: Path, operations: Sequence[str], seed: int | None) -> _Data:
    """The main task alone: nothing of the others is shown."""
    file = read_study_file(path)
    seed = file.search.seed if seed is None else seed
    main = make_task(file.main_task, file.tasks[file.main_task])
    corpus = read_corpus(file.data, [main], path.parent, seed)
    task, table = corpus.tasks[0], corpus.train[file.main_task]
    space = file.space.augmentation
    if operations or not space.operations:
        # At words that have tags, noise alone can work.
        space = _asked(space, operations or (_USUAL[:1] if task.has_words else _USUAL))
    check_operations(space.operations, task)
    device = choose_device("auto")
    resources = Resources(
        base=path.parent,
        encoder=file.model.encoder,
        rows=task.rows(table),
        labels=task.labels,
        max_length=file.model.max_length,
        seed=seed,
        judge=partial(baseline_judge, file, path.parent, seed, device),
        device=device,
        revision=file.model.revision,
    )
    return _Data(resources, table.lines, table.unit, space)


def _asked(space: AugmentationSpace, operations: Sequence[str]) -> AugmentationSpace:
    """The space with these operations; one that is asked for by name is not silently left out."""
    return space.model_copy(update={"operations": list(dict.fromkeys(operations)), "on_missing": "error"})


def _of_table(file: str, operations: Sequence[str], seed: int, text: str, label: str | None) -> _Data:
    table = load_table(resolve_source(file, Path()))
    if label is None and _LABEL in {*table.columns, *table.written}:
        label = _LABEL
    labels = [None] * len(table) if label is None else table.column(label)
    texts = table.column(text)
    kept = [row for row, value in enumerate(texts) if value.strip()]
    if not kept:
        raise DataError(f"{file}: column {text!r} has no text")
    model = ModelSettings()
    resources = Resources(
        base=Path(),
        encoder=model.encoder,
        rows=[Row((texts[row],), labels[row]) for row in kept],
        labels=sorted({value for value in labels if value}),
        max_length=model.max_length,
        seed=seed,
        device=choose_device("auto"),
    )
    space = _asked(AugmentationSpace(), operations or _USUAL)
    return _Data(resources, [table.lines[row] for row in kept], table.unit, space)


def _sample(data: _Data, magnitude: float, count: int) -> Sample:
    resources = data.resources
    every, seed = resources.rows, resources.seed
    chosen = sorted(random.Random(seed).sample(range(len(every)), min(count, len(every))))
    try:
        made = make_operations(data.space, resources)
    except InputError as error:
        hint = "" if resources.judge else "\nA data file has no such keys: give a study file that has them"
        raise type(error)(f"{error}{hint}") from error
    rows = [every[place] for place in chosen]
    found = [
        Rewritten(data.lines[place], name, every[place], new)
        for name, operation in made.made.items()
        for place, new in zip(chosen, operation.rewrite(rows, magnitude, 0, seed), strict=True)
    ]
    dropped = [f"{name} is left out: {reason}" for name, reason in made.dropped.items()]
    return Sample(found, [*made.notes, *dropped, *_without_text(data.space)], data.unit)


def _without_text(space: AugmentationSpace) -> Iterator[str]:
    for name in space.operations:
        if name in BATCH_OPERATIONS:
            yield f"{name} works on the embeddings of a batch in training: it has no text to show"


def meaning(operation: str) -> str:
    """What the magnitude of a text operation means."""
    return TEXT_OPERATIONS[operation].magnitude


def _texts(row: Row) -> tuple[str, ...]:
    return (" ".join(row.texts),) if row.is_words else row.texts
