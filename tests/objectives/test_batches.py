import gc
import weakref

import pytest
import torch
from autotune.objectives.data.batches import BatchOrder, bucket_lengths, padded_length
from hypothesis import given
from hypothesis import strategies as st

LENGTHS = torch.randint(3, 60, (101,), generator=torch.Generator().manual_seed(0))


def order(lengths: torch.Tensor = LENGTHS, size: int = 8, seed: int = 0, name: str = "main") -> BatchOrder:
    return BatchOrder(lengths, bucket_lengths(lengths, 64), size, seed, name)


lengths_of_rows = st.lists(st.integers(1, 200), min_size=1, max_size=80).map(torch.tensor)


@given(lengths_of_rows, st.integers(1, 20), st.integers(0, 2))
def test_every_row_comes_once_an_epoch(lengths: torch.Tensor, size: int, epoch: int):
    batches = order(lengths, size)
    steps = range(epoch * batches.steps_per_epoch, (epoch + 1) * batches.steps_per_epoch)
    rows = torch.cat([batches.rows(step) for step in steps])
    assert rows.sort().values.tolist() == list(range(len(lengths)))
    assert all(1 <= len(batches.rows(step)) <= size for step in steps)


@given(lengths_of_rows, st.integers(1, 20))
def test_every_row_counts_alike(lengths: torch.Tensor, size: int):
    """A loss is its batch's mean: in a short batch each row would count more, and it were the longest ones."""
    batches = order(lengths, size)
    sizes = [len(batches.rows(step)) for step in range(batches.steps_per_epoch)]
    assert max(sizes) - min(sizes) <= 1


def test_a_step_has_its_rows_whenever_it_is_asked_for():
    forward = order()
    rows = [forward.rows(step).tolist() for step in range(40)]
    back = order()
    assert [back.rows(step).tolist() for step in reversed(range(40))] == rows[::-1]
    assert order().rows(33).tolist() == rows[33]


@pytest.mark.parametrize("other", [order(seed=1), order(name="words")])
def test_seed_and_name_decide(other: BatchOrder):
    assert [order().rows(step).tolist() for step in range(13)] != [other.rows(step).tolist() for step in range(13)]


def test_epochs_differ():
    batches = order()
    first, second = ({tuple(sorted(batches.rows(step + start).tolist())) for step in range(13)} for start in (0, 13))
    assert first != second


def test_rows_of_one_bucket_come_together():
    batches = order()
    mixed = 0
    for step in range(batches.steps_per_epoch):
        found = torch.bucketize(LENGTHS[batches.rows(step)], torch.tensor(batches.buckets)).unique()
        mixed += len(found) > 1
    assert mixed < len(batches.buckets)  # a batch is mixed only where one bucket ends and the next begins


def test_buckets_spare_padding():
    batches = order()
    padded = sum(
        len(rows) * padded_length(LENGTHS[rows], batches.buckets)
        for rows in map(batches.rows, range(batches.steps_per_epoch))
    )
    assert padded < 0.8 * len(LENGTHS) * int(LENGTHS.max())


@given(lengths_of_rows, st.integers(200, 512))
def test_padding_never_cuts(lengths: torch.Tensor, limit: int):
    buckets = bucket_lengths(lengths, limit)
    assert 1 <= len(buckets) <= 4
    assert list(buckets) == sorted(set(buckets))
    assert all(padded_length(length.unsqueeze(0), buckets) >= length for length in lengths)
    assert int(lengths.max()) <= buckets[-1] <= limit
    assert all(bucket % 8 == 0 for bucket in buckets[:-1])


@given(lengths_of_rows, st.integers(1, 20))
def test_an_epochs_padded_lengths_fit_every_epoch(lengths: torch.Tensor, size: int):
    batches, longest = order(lengths, size), lengths + lengths % 5
    fixed = batches.padded(longest)
    assert len(fixed) == batches.steps_per_epoch
    assert len(set(fixed)) <= len(batches.buckets)
    for step in range(4 * batches.steps_per_epoch):
        assert fixed[batches.place(step)] >= int(longest[batches.rows(step)].max())


def test_epochs_differ_in_when_their_short_and_long_batches_come():
    batches = order()
    places = [batches.place(step) for step in range(39)]
    assert sorted(places[:13]) == sorted(places[13:26]) == list(range(13))
    assert len({tuple(places[:13]), tuple(places[13:26]), tuple(places[26:])}) == 3


def test_a_row_longer_than_every_bucket_is_padded_to_itself():
    assert padded_length(torch.tensor([3, 70]), (8, 64)) == 70
    assert padded_length(torch.tensor([3, 9]), ()) == 9


def test_an_order_dies_with_its_trial():
    batches = order()
    batches.rows(0)
    gone = weakref.ref(batches)
    del batches
    gc.collect()
    assert gone() is None
