"""Building the bank: missing parts are generated, guarded against leaks, tokenised and cached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...spaces.augmentation import AugmentationSpace
from ...spaces.errors import DataError
from ..caching import content_hash
from ..data.cleaning import normalised
from ..data.near import near_copies
from ..data.row import Row
from ..data.table import Table
from ..data.tokens import tokenizer_fingerprint
from ..models.encoders import EncoderSource
from ..tasks.batch import Examples
from ..tasks.task import Task
from ..tensor_cache import cached_tensors, is_cached
from .bank import CHANGED, GUARDED, REFUSED, SAME, TokenBank, bank_of, bank_of_originals, rows_hash, write_targets
from .generating import BankProgress, Job, generate
from .operation import TextOperation


@dataclass(frozen=True)
class Source:
    """The training rows of the main task, and what their variants must not repeat.

    `held_out`: validation and test texts, nearly, as `near` says (`near_copies`); `others`: rows that a fold may hold
    out, to the letter. `training`: the settings that the baseline is trained with, for operations that ask it.
    """

    task: Task[Any]
    table: Table
    examples: Examples
    held_out: Sequence[str]
    others: Sequence[str]
    encoder: EncoderSource
    max_length: int
    seed: int
    near: float
    training: str


def build_bank(
    source: Source, operations: Mapping[str, TextOperation], space: AugmentationSpace, progress: BankProgress
) -> TokenBank:
    """Every variant that a mix of this space can ask for; what the cache holds is not made again."""
    rows = source.task.rows(source.table)
    jobs = [
        Job(operation, magnitude, replica, source.seed)
        for operation in operations.values()
        for magnitude in space.magnitudes
        for replica in range(space.replicas)
    ]
    original, targets = source.examples.tokens, source.examples.targets
    if not jobs:
        return bank_of_originals(original, targets)
    fingerprint = tokenizer_fingerprint(source.encoder.tokenizer)
    common = content_hash(
        [
            source.task.kind,
            rows_hash(rows, original, targets, source.task.answers(source.table), fingerprint, source.max_length),
            content_hash([*source.held_out, repr(source.near)]),
            content_hash(source.others),
        ]
    )
    # Once an operation: a language model's is read from all its weights.
    own = {name: operation.fingerprint for name, operation in operations.items()}
    keys = [_key(job, own[job.operation.name], space, common, source.training) for job in jobs]
    whole = content_hash(["banks 1", *keys])
    return bank_of(
        original, targets, lambda: _pieces(source, rows, jobs, keys, progress), space, list(operations), whole
    )


def _key(job: Job, fingerprint: str, space: AugmentationSpace, common: str, training: str) -> str:
    name = job.operation.name
    settings = getattr(space, name).model_dump_json() if hasattr(space, name) else ""
    facts = [name, fingerprint, settings, space.language, repr(job.magnitude), job.replica, job.seed]
    judge = [training] if job.operation.asks_judge else []
    return content_hash(["bank 3", *map(str, facts), common, *judge])


def _pieces(
    source: Source, rows: Sequence[Row], jobs: Sequence[Job], keys: Sequence[str], progress: BankProgress
) -> list[dict[str, torch.Tensor]]:
    """All pieces, in the order of the jobs; another process may be storing the same ones meanwhile."""
    missing = {key: job for job, key in zip(jobs, keys, strict=True) if not is_cached("bank", key)}
    guard = _Guard(source)

    def piece(key: str, job: Job, generated: Sequence[Row | None] | None = None) -> dict[str, torch.Tensor]:
        """What was not generated with the others is made alone, where its file cannot be read."""

        def make() -> dict[str, torch.Tensor]:
            return _piece(source, rows, guard, job, job(rows) if generated is None else generated)

        return cached_tensors("bank", key, make)

    together = generate(list(missing.values()), rows, progress)
    made = {key: piece(key, job, found) for (key, job), found in zip(missing.items(), together, strict=True)}
    return [made[key] if key in made else piece(key, job) for job, key in zip(jobs, keys, strict=True)]


def _piece(
    source: Source, rows: Sequence[Row], guard: "_Guard", job: Job, generated: Sequence[Row | None]
) -> dict[str, torch.Tensor]:
    """What became of each row (`status`), and the tokens and targets of those that changed."""
    pairs = enumerate(zip(rows, generated, strict=True))
    kept = {place: new for place, (row, new) in pairs if new is not None and new != row}
    _check_words(source.task, rows, kept, job.operation.name)
    guarded = guard.found(rows, kept)
    status = torch.tensor([REFUSED if row is None else SAME for row in generated], dtype=torch.int8)
    status[torch.tensor(list(kept), dtype=torch.int64)] = CHANGED
    status[torch.tensor(guarded, dtype=torch.int64)] = GUARDED
    stored = {place: row for place, row in kept.items() if int(status[place]) == CHANGED}
    found = source.task.variants(source.table, source.examples, stored, source.encoder, source.max_length)
    tokens = found.tokens
    types = {} if tokens.types is None else {"types": tokens.types}
    return {"status": status, "ids": tokens.ids, "offsets": tokens.offsets, **types, **write_targets(found.targets)}


def _check_words(task: Task[Any], rows: Sequence[Row], kept: Mapping[int, Row], operation: str) -> None:
    for place, row in kept.items():
        if len(row.texts) != len(rows[place].texts):
            raise DataError(
                f"augmentation: {operation}: made {len(row.texts)} texts of {len(rows[place].texts)} in row "
                f"{place + 1} of task {task.name!r}; tags and pairs need as many as before"
            )


class _Guard:
    """Finds generated rows that say what a row held out says: training on them would be looking at the answer."""

    def __init__(self, source: Source) -> None:
        self._task, self._near = source.task, source.near
        self._held_out = [text for text in source.held_out if text.strip()]
        self._others = {normalised(text) for text in source.others}

    def found(self, rows: Sequence[Row], generated: Mapping[int, Row]) -> list[int]:
        places, texts = list(generated), [self._task.key_of(row) for row in generated.values()]
        near = near_copies(texts, self._held_out, self._near) if self._held_out else [False] * len(texts)
        return [
            place
            for place, text, is_near in zip(places, texts, near, strict=True)
            if is_near or (self._others and normalised(text) in self._others)
        ]
