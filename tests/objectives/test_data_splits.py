from collections import Counter

import pytest
from autotune.objectives.data.splits import stratified_split
from autotune.spaces.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st


def test_both_sides_have_the_classes_in_the_same_shares():
    labels = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    training, validation = stratified_split(labels, 0.2, 0)
    assert Counter(labels[row] for row in validation) == {"a": 120, "b": 60, "c": 20}
    assert sorted(training + validation) == list(range(1000))


def test_the_seed_alone_decides():
    labels = ["a", "b"] * 50
    assert stratified_split(labels, 0.2, 1) == stratified_split(labels, 0.2, 1)
    assert stratified_split(labels, 0.2, 1) != stratified_split(labels, 0.2, 2)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(2, 9), min_size=2, max_size=8), st.floats(0.01, 0.99), st.integers(0, 3))
def test_every_class_is_on_both_sides(counts: list[int], fraction: float, seed: int):
    labels = [str(name) for name, count in enumerate(counts) for _ in range(count)]
    training, validation = stratified_split(labels, fraction, seed)
    assert sorted(training + validation) == list(range(len(labels)))
    assert {labels[row] for row in training} == {labels[row] for row in validation} == set(labels)
    assert training == sorted(training)
    assert validation == sorted(validation)
    assert abs(len(validation) - fraction * len(labels)) <= 2 * len(counts)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["spam"] * 9, "one class only ('spam')"),
        ([], "there is no row"),
        (["a"] * 9 + ["spam"], "a class with one row: 'spam'"),
        (["a"] * 9 + ["spam", "ham"], "2 classes with one row: 'ham', 'spam'"),
    ],
)
def test_what_cannot_be_split_is_an_error_that_names_the_class(labels: list[str], message: str):
    with pytest.raises(DataError) as caught:
        stratified_split(labels, 0.2, 0)
    assert message in str(caught.value)
