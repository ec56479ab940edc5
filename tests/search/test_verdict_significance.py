"""Sign flips by brute force, Holm by hand, and how many pairs it takes."""

from collections.abc import Mapping
from itertools import product
from random import Random

import numpy as np
import pytest
from autotune.search.verdict.comparison import Comparison, compare, compare_in_order
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.sign_flip import EXACT_UP_TO, sign_flip
from autotune.search.verdict.significance import ALPHA, fewest_pairs, holm, pairs_needed
from autotune.search.wording import probability
from hypothesis import given
from hypothesis import strategies as st

GAINS = st.lists(st.integers(-20, 20), min_size=1, max_size=8)
P_VALUES = st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=6)


def confirmed(**gains: list[float]) -> Scores:
    """A baseline that scores 0 with every seed, and candidates with these gains over it."""
    seeds = max(map(len, gains.values()))
    scores: dict[str, Mapping[int, float]] = {"baseline": dict.fromkeys(range(seeds), 0.0)}
    return Scores(scores | {name: dict(enumerate(values)) for name, values in gains.items()})


@given(GAINS)
def test_all_patterns_of_signs_are_counted(gains: list[int]) -> None:
    sums = [
        sum(sign * abs(gain) for sign, gain in zip(signs, gains, strict=True))
        for signs in product((1, -1), repeat=len(gains))
    ]
    test, observed = sign_flip(np.array(gains) / 200), sum(gains)
    assert test.better == pytest.approx(np.mean([each >= observed for each in sums]))
    assert test.different == pytest.approx(np.mean([abs(each) >= abs(observed) for each in sums]))


@given(GAINS)
def test_the_other_direction_has_the_other_probability(gains: list[int]) -> None:
    there, back = sign_flip(np.array(gains) / 200), sign_flip(-np.array(gains) / 200)
    assert there.probability_better + back.probability_better == pytest.approx(1)
    assert there.different == back.different


@pytest.mark.slow
@given(GAINS, st.floats(0.01, 1000), st.randoms())
def test_neither_the_unit_nor_the_order_matters(gains: list[int], scale: float, random: Random) -> None:
    shuffled = list(gains)
    random.shuffle(shuffled)
    assert sign_flip(np.array(gains) / 200) == sign_flip(scale * np.array(shuffled))


def test_only_from_six_pairs_on_is_a_two_sided_p_below_five_percent() -> None:
    assert sign_flip(np.ones(5)).different == 2 / 32
    assert sign_flip(np.ones(6)).different == 2 / 64 < ALPHA


def test_equal_scores_say_nothing() -> None:
    test = sign_flip(np.zeros(6))
    assert (test.better, test.different, test.probability_better) == (1, 1, 0.5)


def test_sampled_patterns_agree_with_all_of_them() -> None:
    gains = np.random.default_rng(0).normal(0.4, 1, size=EXACT_UP_TO)
    exact, sampled = sign_flip(gains), sign_flip(np.append(gains, 0.0))
    assert sampled.better == pytest.approx(exact.better, abs=0.01)
    assert sampled.better + sign_flip(np.append(-gains, 0.0)).better == pytest.approx(1, abs=1e-3)
    assert sign_flip(np.ones(40)).better > 0


def test_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        sign_flip(np.array([]))


def test_holm_by_hand() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.6})
    assert found == pytest.approx({"a": 0.04, "b": 0.09, "c": 0.09, "d": 0.6})
    assert list(found) == ["a", "b", "c", "d"]


@given(P_VALUES)
def test_holm_lies_between_the_plain_p_and_bonferronis(p_values: dict[str, float]) -> None:
    for name, corrected in holm(p_values).items():
        assert p_values[name] <= corrected <= min(1, len(p_values) * p_values[name]) + 1e-12


@pytest.mark.parametrize(("comparisons", "pairs"), [(1, 6), (3, 6), (4, 7), (6, 7), (7, 8), (12, 8)])
def test_more_comparisons_need_more_pairs(comparisons: int, pairs: int) -> None:
    assert fewest_pairs(comparisons) == pairs
    names = [f"candidate {number}" for number in range(comparisons)]
    for count, claimed in ((pairs, True), (pairs - 1, False)):
        flawless = confirmed(**{name: [0.1 + 0.01 * seed for seed in range(count)] for name in names})
        compared = compare(flawless, names, "baseline")
        assert {comparison.is_better for comparison in compared.values()} == {claimed}
        assert {comparison.can_claim for comparison in compared.values()} == {claimed}


def test_a_smaller_effect_a_larger_spread_or_more_comparisons_need_more_pairs() -> None:
    assert pairs_needed(0.02, 0.02, 1) == 10
    assert pairs_needed(-0.02, 0.02, 1) == 10
    for harder in (pairs_needed(0.01, 0.02, 1), pairs_needed(0.02, 0.04, 1), pairs_needed(0.02, 0.02, 3)):
        assert harder is not None
        assert harder > 10


def test_what_needs_more_than_a_hundred_pairs_has_no_number() -> None:
    assert pairs_needed(0.001, 0.02, 1) is None
    assert pairs_needed(0.0, 0.02, 1) is None
    assert pairs_needed(0.02, None, 1) is None
    assert pairs_needed(0.02, 0.0, 1) == 6


@pytest.mark.parametrize(("effect", "comparisons"), [(0.5, 1), (0.8, 1), (0.8, 3), (1.0, 5)])
def test_with_the_pairs_that_are_needed_four_of_five_such_effects_are_shown(effect: float, comparisons: int) -> None:
    pairs = pairs_needed(effect, 1.0, comparisons)
    assert pairs is not None
    drawn = np.random.default_rng(0).normal(effect, 1, size=(500, pairs))
    tests = [sign_flip(gains) for gains in drawn]
    shown = np.mean([test.better <= ALPHA / comparisons and test.different <= ALPHA for test in tests])
    assert 0.75 < shown < 0.87


def test_too_little_evidence_says_how_much_would_do() -> None:
    three = compare(confirmed(a=[0.02, 0.01, 0.03]), ["a"], "baseline")["a"]
    assert three.evidence == "3 seeds do not show that it is better; a gain like this one needs about 6"
    one = compare(confirmed(a=[0.02]), ["a"], "baseline")["a"]
    assert one.evidence == "1 seed does not show that it is better; at least 6 are needed"
    tiny = compare(confirmed(a=[0.02, -0.02, 0.03, -0.02, 0.02, -0.02]), ["a"], "baseline")["a"]
    assert tiny.evidence.endswith("needs more than 100")
    worse = compare(confirmed(a=[-0.02] * 6), ["a"], "baseline")["a"]
    assert worse.evidence == "not better on 6 seeds"
    better = compare(confirmed(a=[0.02, 0.01, 0.03, 0.02, 0.01, 0.02]), ["a"], "baseline")["a"]
    assert better.evidence == "better on 6 seeds (p = 0.016)"


def test_a_p_that_is_rounded_is_never_called_nothing() -> None:
    found = compare(confirmed(a=[0.01 + 0.001 * seed for seed in range(14)]), ["a"], "baseline")["a"]
    assert found.test.better == 2**-14
    assert found.evidence == "better on 14 seeds (p < 0.001)"
    assert [probability(p) for p in (2**-14, 0.0006, 0.5, 1 - 2**-14, 1.0)] == [
        "<0.001",
        "0.001",
        "0.500",
        ">0.999",
        "1.000",
    ]


def test_pairs_that_did_not_do_are_not_called_enough() -> None:
    """Five clear gains and a small loss: such an effect needs six pairs, but these six did not show it."""
    found = compare(confirmed(a=[0.02, 0.021, 0.02, 0.019, 0.02, -0.001]), ["a"], "baseline")["a"]
    assert not found.is_better
    assert found.pairs_needed == 7


def test_what_the_interval_contradicts_is_not_claimed() -> None:
    gains = [0.012, 0.006, 0.011, 0.013, -0.007, 0.01, 0.008]
    found = compare(confirmed(a=gains), ["a"], "baseline")["a"]
    assert found.test.different < ALPHA
    assert not found.is_better


def test_at_a_second_look_p_counts_three_times_and_the_interval_agrees_with_it() -> None:
    gains = [0.02, 0.01, 0.03, 0.02, 0.01, 0.02, 0.015, 0.01]
    first, second = (compare(confirmed(a=gains, b=gains), ["a"], "baseline", look)["a"] for look in (1, 2))
    assert (first.corrected, second.corrected) == (1 / 256, 3 / 256)
    assert second.is_better
    assert second.evidence == "better on 8 seeds (p = 0.012, corrected for 2 looks)"
    assert first.gain.interval is not None
    assert second.gain.interval is not None
    assert second.gain.interval.low < first.gain.interval.low < first.gain.interval.high < second.gain.interval.high
    three = compare(confirmed(a=gains, b=gains, c=gains), ["a", "b", "c"], "baseline", 2)["a"]
    assert three.evidence == "better on 8 seeds (p = 0.035, corrected for 3 comparisons and 2 looks)"


@pytest.mark.parametrize(("look", "pairs"), [(1, 6), (2, 7), (3, 9)])
def test_each_look_needs_more_pairs_to_claim_anything(look: int, pairs: int) -> None:
    assert fewest_pairs(1, look) == pairs
    for count in (pairs - 1, pairs):
        flawless = confirmed(a=[0.1 + 0.01 * seed for seed in range(count)])
        found = compare(flawless, ["a"], "baseline", look)["a"]
        assert found.is_better == found.can_claim == (count == pairs)


def test_the_seeds_that_are_advised_are_those_of_the_next_look() -> None:
    """Three seeds are none: nothing could be claimed from them."""
    gains = [0.02, -0.01, 0.03, 0.005, 0.01, 0.02]
    six = compare(confirmed(a=gains), ["a"], "baseline")["a"]
    assert not six.is_better
    assert six.pairs_needed == pairs_needed(six.gain.mean, six.gain.spread, 1, look=2)
    assert (six.pairs_needed or 0) > (pairs_needed(six.gain.mean, six.gain.spread, 1) or 0)
    three = compare(confirmed(a=gains[:3]), ["a"], "baseline")["a"]
    assert three.pairs_needed == pairs_needed(three.gain.mean, three.gain.spread, 1)


def test_a_later_family_claims_only_what_the_first_could() -> None:
    sure, unsure = [0.02, 0.01, 0.03, 0.02, 0.01, 0.02], [0.02, -0.01, 0.03, 0.02, 0.01, 0.02]
    both = compare_in_order(confirmed(a=sure, variant=sure), [["a"], ["variant"]], "baseline")
    assert both["a"].is_better
    assert both["variant"].is_better
    gated = compare_in_order(confirmed(a=unsure, variant=sure), [["a"], ["variant"]], "baseline")
    assert not gated["variant"].is_better
    assert gated["variant"].test.better == 1 / 64
    assert gated["variant"].pairs_needed is None
    assert gated["variant"].evidence == (
        "6 seeds do not show that it is better; it is tested only if all of the search's candidates are better, and "
        "they are not"
    )


def test_failed_trainings_leave_pairs_only() -> None:
    scores = {"baseline": {1: 0.5, 2: 0.6, 3: 0.7}, "a": {2: 0.65, 3: float("nan"), 4: 0.9}, "b": {5: 0.9}}
    compared = compare(Scores(scores), ["a", "b"], "baseline")
    assert list(compared) == ["a"]
    assert compared["a"].gain.mean == pytest.approx(0.05)
    assert compared["a"].test.pairs == 1


@pytest.mark.parametrize("candidates", [1, 4, 5, 7, 20])
def test_whoever_adds_seeds_as_advised_comes_to_a_claim(candidates: int) -> None:
    """Of flawless gains. Seeds that could claim nothing were no look."""
    names = [f"candidate {number}" for number in range(candidates)]

    def looked(seeds: int) -> Comparison:
        scores = {name: [0.1 + 0.001 * (seed % 5) for seed in range(seeds)] for name in names}
        return compare(confirmed(**scores), names, "baseline")[names[0]]

    found = looked(fewest_pairs(1))
    if not found.is_better:
        assert not found.can_claim
        assert found.pairs_needed is not None
        found = looked(found.pairs_needed)
    assert found.is_better
