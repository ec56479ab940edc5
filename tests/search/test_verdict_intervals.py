"""The interval of a mean: like scipy's where scipy has it, honest where there are few values, the same in any unit."""

from random import Random
from typing import get_args

import numpy as np
import pytest
from autotune.objectives.tasks.kinds import LEAST, TaskSettings
from autotune.search.verdict.bootstrap import bca_interval, resampling
from autotune.search.verdict.comparison import compare
from autotune.search.verdict.estimate import Interval, estimate
from autotune.search.verdict.scores import FloatArray, Scores
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

NORMAL = 1.959964
"""The normal distribution's quantile at 97.5 %."""

SHARES = st.lists(st.integers(0, 200), min_size=2, max_size=8)
"""How many of 200 validation rows are right, for each seed."""


def accuracies(right: list[int]) -> FloatArray:
    return np.array(right) / 200


@pytest.mark.parametrize("seed", range(3))
def test_the_bca_interval_is_that_of_scipy(seed: int) -> None:
    values = np.random.default_rng(seed).exponential(size=20)
    ours = bca_interval(values, NORMAL)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=50_000, method="BCa", rng=1).confidence_interval
    assert ours == pytest.approx([theirs.low, theirs.high], abs=0.03 * float(np.std(values)))


@pytest.mark.parametrize("count", [2, 6, 8, 9])
def test_resamples_are_whole_and_their_probabilities_sum_to_one(count: int) -> None:
    shares, probabilities = resampling(count)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)))
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities @ shares == pytest.approx(np.full(count, 1 / count), abs=0.01)


def test_few_values_widen_the_interval() -> None:
    values = np.array([0.5, 1.0, 2.0, 2.5, 3.5, 4.0])
    plain = bca_interval(values, NORMAL)
    found = estimate(values).interval
    assert found is not None
    assert found.low < plain[0]
    assert found.high > plain[1]


def test_below_six_values_the_interval_is_students() -> None:
    values = np.array([0.80, 0.82, 0.81, 0.85, 0.79])
    expected = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    found = estimate(values).interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected)


def test_one_value_has_no_interval() -> None:
    found = estimate(np.array([0.8]))
    assert (found.mean, found.count, found.interval) == (0.8, 1, None)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
@pytest.mark.parametrize("count", [2, 6, 20])
def test_equal_values_have_no_interval(value: float, count: int) -> None:
    found = estimate(np.full(count, value))
    assert found.interval is None
    assert found.spread == 0


def test_no_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        estimate(np.array([]))


@given(SHARES, st.floats(-100, 100), st.floats(0.01, 1000))
def test_shift_and_scale_move_the_interval_with_the_values(right: list[int], shift: float, scale: float) -> None:
    assume(len(set(right)) > 1)
    values = accuracies(right)
    before, after = estimate(values).interval, estimate(scale * values + shift).interval
    assert before is not None
    assert after is not None
    expected = [scale * end + shift for end in (before.low, before.high)]
    assert [after.low, after.high] == pytest.approx(expected, abs=1e-6 * (scale + abs(shift)))


@given(SHARES, st.randoms())
def test_the_order_of_the_values_does_not_matter(right: list[int], random: Random) -> None:
    shuffled = list(right)
    random.shuffle(shuffled)
    assert estimate(accuracies(right)).interval == estimate(accuracies(shuffled)).interval


@given(SHARES)
def test_the_opposite_differences_have_the_opposite_interval(right: list[int]) -> None:
    assume(len(set(right)) > 1)
    there, back = estimate(accuracies(right)).interval, estimate(-accuracies(right)).interval
    assert there is not None
    assert back is not None
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@given(SHARES)
def test_the_mean_lies_in_its_interval(right: list[int]) -> None:
    assume(len(set(right)) > 1)
    found = estimate(accuracies(right))
    assert found.interval is not None
    assert found.interval.low <= found.mean <= found.interval.high


def test_no_interval_holds_what_can_not_be() -> None:
    """Two seeds far apart: a score is a share, so no gain is beyond a hundred points."""
    measured = Scores({"one": {1: 0.1, 2: 0.7}, "baseline": {1: 0.6, 2: 0.2}}, least=0.0)
    gain = compare(measured, ["one"], "baseline")["one"].gain
    score = estimate(measured.fresh("one")).within(*measured.range)
    assert gain.interval == Interval(-1.0, 1.0)
    assert score.interval == Interval(0.0, 1.0)


def test_of_every_metric_it_is_known_what_it_is_at_least() -> None:
    kinds = [member for member in get_args(get_args(TaskSettings)[0]) if member.metrics]
    maximized = {name for kind in kinds for name, direction in kind.metrics.items() if direction == "maximize"}
    shares = {"accuracy", "balanced_accuracy", "f1", "macro_f1", "exact_match", "average_precision", "precision"}
    assert maximized == LEAST.keys() | shares | {"recall", "chrf", "token_accuracy"}
