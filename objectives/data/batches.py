"""The assignment of rows to batches: seeded, in length buckets, the same for every trial of a study."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from ..seeds import generator

BUCKETS = 4
"""So many fixed lengths at most, fewer where texts are much alike: shapes repeat, and little is padding."""
_MULTIPLE = 8
"""Matrix products are fastest on lengths that are a multiple of this."""


def bucket_lengths(lengths: torch.Tensor, max_length: int) -> tuple[int, ...]:
    """Padded lengths, rising: quantiles of the rows' own lengths, the last one fits every row."""
    quantiles = torch.quantile(lengths.double(), torch.linspace(0, 1, BUCKETS + 1, dtype=torch.float64)[1:-1])
    rounded = {_rounded(int(value.ceil())) for value in quantiles}
    longest = min(_rounded(int(lengths.max())), max_length)
    return tuple(sorted({length for length in rounded if length < longest} | {longest}))


def _rounded(length: int) -> int:
    return -(-length // _MULTIPLE) * _MULTIPLE


@dataclass(eq=False)
class BatchOrder:
    """An endless, seeded order of batches over one task's rows.

    Step s takes the same rows whenever and in whichever trial it is asked, so a trial can resume at any
    step. Within an epoch every row comes once; rows of one bucket come together. Batches differ by one row at most: a
    short last one would hold the longest texts in every epoch, and count them more than all others. Each epoch has its
    batches in an order of its own: with one order for all, few rows were learnt worse (docs/log.md).
    """

    lengths: torch.Tensor
    buckets: tuple[int, ...]
    batch_size: int
    seed: int
    name: str
    _latest: tuple[int, Sequence[int], Sequence[torch.Tensor]] = field(default=(-1, (), ()), init=False, repr=False)
    """The epoch that was asked for last, its batches from short to long, and which of them comes when."""

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    @property
    def most_rows(self) -> int:
        """Rows of its largest batch."""
        return -(-len(self.lengths) // self.steps_per_epoch)

    def rows(self, step: int) -> torch.Tensor:
        """The rows of the batch at `step` (from 0): (≤ batch_size,) int64."""
        return self._epoch_of(step)[1][self.place(step)]

    def place(self, step: int) -> int:
        """Which of its epoch's batches, from short to long, comes at `step`."""
        return self._epoch_of(step)[0][step % self.steps_per_epoch]

    def padded(self, longest: torch.Tensor) -> Sequence[int]:
        """The padded length of each batch of an epoch, from short to long: it fits all rows that it may have.

        `longest` (rows,): the most tokens that each row may have.
        """
        bucket = self._buckets_of(self.lengths)
        most = torch.zeros(len(self.buckets), dtype=torch.int64).scatter_reduce_(0, bucket, longest, "amax")
        fits = [min(_rounded(length), max(length, self.buckets[-1])) for length in most.cummax(0).values.tolist()]
        return [fits[int(batch[-1])] for batch in bucket.sort().values.tensor_split(self.steps_per_epoch)]

    def _buckets_of(self, lengths: torch.Tensor) -> torch.Tensor:
        return torch.bucketize(lengths, torch.tensor(self.buckets)).clamp_(max=len(self.buckets) - 1)

    def _epoch_of(self, step: int) -> tuple[Sequence[int], Sequence[torch.Tensor]]:
        epoch = step // self.steps_per_epoch
        if self._latest[0] != epoch:
            self._latest = epoch, *self._shuffled(epoch)
        return self._latest[1:]

    def _shuffled(self, epoch: int) -> tuple[Sequence[int], Sequence[torch.Tensor]]:
        random = generator(self.seed, "batches", self.name, epoch)
        shuffled = torch.randperm(len(self.lengths), generator=random)
        grouped = shuffled[self._buckets_of(self.lengths[shuffled]).argsort(stable=True)]
        batches = grouped.tensor_split(self.steps_per_epoch)
        return torch.randperm(len(batches), generator=random).tolist(), batches


def padded_length(lengths: torch.Tensor, buckets: tuple[int, ...]) -> int:
    """The smallest bucket that fits the longest of these rows; beyond the last one, that row's length."""
    longest = int(lengths.max())
    return next((bucket for bucket in buckets if bucket >= longest), longest)
