"""Which rows make up which batch: seeded, in length buckets, the same for every trial of a study."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from ..seeds import generator

BUCKETS = 4
"""Two to four fixed lengths: shapes repeat (for compiled programs), and little is padding."""
_MULTIPLE = 8
"""Matrix products are fastest on lengths that are a multiple of this."""


def bucket_lengths(lengths: torch.Tensor, max_length: int, count: int = BUCKETS) -> tuple[int, ...]:
    """Padded lengths, rising: quantiles of the rows' own lengths, the last one fits every row."""
    quantiles = torch.quantile(lengths.double(), torch.linspace(0, 1, count + 1, dtype=torch.float64)[1:-1])
    rounded = {_rounded(int(value.ceil())) for value in quantiles}
    longest = min(_rounded(int(lengths.max())), max_length)
    return tuple(sorted({length for length in rounded if length < longest} | {longest}))


def _rounded(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE


@dataclass(eq=False)
class BatchOrder:
    """An endless, seeded order of batches over one task's rows.

    Step s takes the same rows whenever and in whichever trial it is asked, so a trial can resume at any
    step. Within an epoch every row comes once; rows of one bucket come together. Which bucket comes when is the same in
    every epoch, so that trials that are epochs apart have batches of one shape.
    """

    lengths: torch.Tensor
    buckets: tuple[int, ...]
    batch_size: int
    seed: int
    name: str
    _latest: tuple[int, Sequence[torch.Tensor]] = field(default=(-1, ()), init=False, repr=False)
    """The epoch that was asked for last, and its batches."""

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def rows(self, step: int) -> torch.Tensor:
        """The rows of the batch at `step` (from 0): (≤ batch_size,) int64."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._latest[0] != epoch:
            self._latest = epoch, self._shuffled(epoch)
        return self._latest[1][place]

    def padded(self, longest: torch.Tensor) -> Sequence[int]:
        """The padded length of each step of an epoch, of every epoch: it fits all rows that may come there.

        `longest` (rows,): the most tokens that each row may have.
        """
        bucket = self._buckets_of(self.lengths)
        most = torch.zeros(len(self.buckets), dtype=torch.int64).scatter_reduce_(0, bucket, longest, "amax")
        fits = [min(_rounded(length), max(length, self.buckets[-1])) for length in most.cummax(0).values.tolist()]
        batches = bucket.sort().values.split(self.batch_size)
        return [fits[int(batches[place][-1])] for place in self._places]

    def _buckets_of(self, lengths: torch.Tensor) -> torch.Tensor:
        return torch.bucketize(lengths, torch.tensor(self.buckets)).clamp_(max=len(self.buckets) - 1)

    @cached_property
    def _places(self) -> Sequence[int]:
        """Which batch, from short to long, comes at each step of an epoch."""
        random = generator(self.seed, "batches", self.name, "places")
        return torch.randperm(self.steps_per_epoch, generator=random).tolist()

    def _shuffled(self, epoch: int) -> Sequence[torch.Tensor]:
        random = generator(self.seed, "batches", self.name, epoch)
        shuffled = torch.randperm(len(self.lengths), generator=random)
        grouped = shuffled[self._buckets_of(self.lengths[shuffled]).argsort(stable=True)]
        batches = grouped.split(self.batch_size)
        return [batches[place] for place in self._places]


def padded_length(lengths: torch.Tensor, buckets: tuple[int, ...]) -> int:
    """The smallest bucket that fits the longest of these rows; beyond the last one, that row's length."""
    longest = int(lengths.max())
    return next((bucket for bucket in buckets if bucket >= longest), longest)
