"""The winner, what is left of its score, who is tied with it, and who of them is the simplest."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from autotune.search.verdict.indifference import Simplicity, indifference_set, simplest
from autotune.search.verdict.optimism import optimism_gap
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.selection import held_out_mean
from autotune.search.verdict.verdict import Verdict, judge
from autotune.search.verdict.winner import Winner, find_winner
from hypothesis import given
from hypothesis import strategies as st

EASY = [0.80, 0.82, 0.78, 0.81, 0.79, 0.80]
"""What a seed's split is like, the same for every candidate."""
NOISE = [0.002, -0.001, 0.0, 0.001, -0.002, 0.003]
SCORES = st.lists(st.lists(st.integers(0, 200), min_size=3, max_size=3), min_size=2, max_size=7)
"""Right rows of three candidates, seed by seed."""

ByName = Mapping[str, Mapping[int, float]]


def scored(**gains: float) -> dict[str, dict[int, float]]:
    """Candidates this much better than the splits are, with noise that differs from one to the next."""
    return {
        name: {seed: EASY[seed] + gain + NOISE[(seed + place) % 6] for seed in range(6)}
        for place, (name, gain) in enumerate(gains.items())
    }


def winner_of(scores: ByName, *, maximize: bool = True) -> Winner:
    winner = find_winner(Scores(scores, maximize), "baseline")
    assert winner is not None
    return winner


def negated(scores: ByName) -> ByName:
    return {name: {seed: -score for seed, score in each.items()} for name, each in scores.items()}


def test_the_best_confirmed_mean_wins() -> None:
    winner = winner_of(scored(baseline=0, lucky=0.01, good=0.03))
    assert winner.name == "good"
    assert winner.score.mean == pytest.approx(0.83, abs=0.001)
    assert winner.gain is not None
    assert winner.gain.mean == pytest.approx(0.03, abs=0.002)


PROVEN = [0.04, 0.045, 0.038, 0.042, 0.041, 0.043]
VARIANT = [gain + 0.002 * (-1) ** seed + 0.002 for seed, gain in enumerate(PROVEN)]
NOTHING = [0.004, -0.006, 0.003, -0.002, 0.005, -0.004]


def verdict_of(candidates: Sequence[str], **gains: Sequence[float]) -> Verdict:
    scores = {"baseline": dict(enumerate(EASY))}
    scores |= {name: {seed: EASY[seed] + gain for seed, gain in enumerate(each)} for name, each in gains.items()}
    same = Simplicity(1, augmented=False, cost=1.0)
    found = judge(Scores(scores), "baseline", dict.fromkeys(scores, same), {}, candidates)
    assert found is not None
    return found


def test_what_may_claim_nothing_does_not_hide_a_gain_that_is_proven() -> None:
    """The variant is compared after the candidates, of which not all are better, so it can claim nothing."""
    verdict = verdict_of(["good", "other"], good=PROVEN, other=NOTHING, variant=VARIANT)
    assert verdict.comparisons["variant"].gain.mean > verdict.comparisons["good"].gain.mean
    assert (verdict.winner.name, verdict.is_better, verdict.passed_over) == ("good", True, ["variant"])


def test_a_greater_gain_wins_where_it_is_proven_too_or_nothing_is() -> None:
    assert verdict_of(["good"], good=PROVEN, variant=VARIANT).winner.name == "variant"
    nothing = verdict_of(["good"], good=NOTHING, variant=[gain + 0.001 for gain in NOTHING])
    assert (nothing.winner.name, nothing.is_better, nothing.passed_over) == ("variant", False, [])


def test_who_is_surely_better_than_what_is_proven_wins_and_hides_nothing() -> None:
    """Compared only after the candidates, of which one gains nothing, it may not claim its own gain."""
    verdict = verdict_of(["good", "other"], good=PROVEN, other=NOTHING, variant=[gain + 0.05 for gain in PROVEN])
    assert (verdict.winner.name, verdict.is_better, verdict.tied.keys()) == ("variant", False, {"variant"})
    assert (verdict.passed_over, verdict.proven_too) == ([], ["good"])


@pytest.mark.parametrize(("maximize", "values"), [(True, [1.0, 0.9]), (False, [0.0, 0.1])])
def test_no_interval_of_a_score_is_beyond_the_best_that_can_be(maximize: bool, values: list[float]) -> None:
    """That of two values is thirteen times as wide as they are apart."""
    scores = Scores({"baseline": dict(enumerate(values))}, maximize)
    same = {"baseline": Simplicity(1, augmented=False, cost=1.0)}
    verdict = judge(scores, "baseline", same, {})
    assert verdict is not None
    for found in (verdict.scores["baseline"], verdict.winner.score, verdict.winner.corrected):
        assert found.interval is not None
        best, other = (
            (found.interval.high, found.interval.low) if maximize else (found.interval.low, found.interval.high)
        )
        assert (best, abs(other - found.mean)) == (values[0], pytest.approx(0.635, abs=0.001))


def test_the_baseline_wins_where_nothing_is_better() -> None:
    winner = winner_of(scored(baseline=0, worse=-0.02))
    assert (winner.name, winner.gain) == ("baseline", None)


def test_a_clear_lead_is_left_alone() -> None:
    winner = winner_of(scored(baseline=0, good=0.1))
    assert winner.corrected.mean == pytest.approx(winner.score.mean)


def test_the_lead_of_the_best_of_equals_is_taken_off() -> None:
    drawn = np.random.default_rng(0).normal(0.8, 0.02, size=(300, 5, 6))
    found = [
        winner_of({f"{row}" if row else "baseline": dict(enumerate(each)) for row, each in enumerate(table.tolist())})
        for table in drawn
    ]
    assert np.mean([winner.score.mean for winner in found]) > 0.807
    assert np.mean([winner.corrected.mean for winner in found]) == pytest.approx(0.8, abs=0.0015)
    gains = [winner.gain.mean for winner in found if winner.gain]
    assert abs(np.mean(gains)) < 0.005, "as measured it is 0.014"


def test_the_interval_moves_with_the_corrected_mean() -> None:
    winner = winner_of(scored(baseline=0, a=0.001, b=0.0005))
    assert winner.score.interval is not None
    assert winner.corrected.interval is not None
    moved = winner.corrected.mean - winner.score.mean
    assert moved != 0
    assert winner.corrected.interval.low - winner.score.interval.low == pytest.approx(moved)


@given(SCORES)
def test_a_loss_that_is_minimized_is_a_score_with_the_other_sign(rows: list[list[int]]) -> None:
    names = ("baseline", "a", "b")
    scores = {name: {seed: row[place] / 200 for seed, row in enumerate(rows)} for place, name in enumerate(names)}
    high, low = winner_of(scores), winner_of(negated(scores), maximize=False)
    assert high.name == low.name
    assert high.corrected.mean == pytest.approx(-low.corrected.mean)
    if high.gain and low.gain:
        assert high.gain.mean == pytest.approx(low.gain.mean)


def test_held_out_seeds_did_not_choose() -> None:
    """Each candidate is best on one seed and worthless on the other: whoever is chosen disappoints."""
    scores = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert held_out_mean(scores, scores) == 0
    same = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert held_out_mean(same, same) == 1


def test_many_seeds_are_split_at_random_but_always_the_same() -> None:
    scores = np.random.default_rng(0).normal(size=(3, 30))
    assert held_out_mean(scores, scores) == held_out_mean(scores, scores)
    assert held_out_mean(scores, np.ones_like(scores)) == pytest.approx(1)


def test_a_candidate_that_failed_on_hard_seeds_is_compared_on_the_easy_ones_only() -> None:
    scores = scored(baseline=0, spotty=0.0, good=0.005)
    scores["spotty"] = {seed: score for seed, score in scores["spotty"].items() if EASY[seed] >= 0.8}
    spotty, good = (np.mean(list(scores[name].values())) for name in ("spotty", "good"))
    assert spotty > good
    assert winner_of(scores).name == "good"


def test_a_candidate_that_mostly_failed_cannot_win_by_one_lucky_seed() -> None:
    scores = scored(baseline=0, good=0.01, lucky=0.2)
    scores["lucky"] = {0: scores["lucky"][0], 1: math.nan}
    assert winner_of(scores).name == "good"


def test_without_a_baseline_the_best_mean_wins() -> None:
    scores = {**scored(a=0.01, b=0.02), "baseline": {}}
    winner = winner_of(scores)
    assert (winner.name, winner.gain) == ("b", None)
    assert winner_of(negated(scores), maximize=False).name == "b"


def test_one_seed_is_not_corrected() -> None:
    winner = winner_of({"baseline": {0: 0.8}, "a": {0: 0.9}})
    assert (winner.name, winner.corrected.mean, winner.corrected.interval) == ("a", 0.9, None)


@pytest.mark.parametrize("maximize", [True, False])
def test_a_search_score_that_promised_too_much_has_a_positive_gap(maximize: bool) -> None:
    scores = scored(baseline=0, a=0.02)
    table = Scores(scores if maximize else negated(scores), maximize)
    gap = optimism_gap(table, "a", 0.87 if maximize else -0.87)
    assert gap is not None
    assert gap.interval is not None
    assert gap.mean == pytest.approx(0.05, abs=0.001)
    assert gap.interval.low > 0.02


def test_without_scores_there_is_no_gap() -> None:
    assert optimism_gap(Scores({"a": {}}), "a", 0.9) is None
    assert optimism_gap(Scores({"a": {0: 0.8}}), "a", math.nan) is None


def test_the_indifference_set_has_who_cannot_be_told_from_the_winner() -> None:
    table = Scores(scored(baseline=-0.05, good=0.0005, same=0.0, worse=-0.02))
    tied = indifference_set(table, "good")
    assert list(tied) == ["good", "same"]
    assert tied["good"] is None
    assert tied["same"] is not None


def test_one_seed_ties_everybody_and_equal_differences_are_judged_by_their_signs() -> None:
    one = Scores({"good": {0: 0.9}, "bad": {0: 0.1}, "failed": {}})
    assert list(indifference_set(one, "good")) == ["good", "bad"]
    for seeds, members in ((5, ["good", "bad"]), (6, ["good"])):
        equal = {"good": dict.fromkeys(range(seeds), 0.9), "bad": dict.fromkeys(range(seeds), 0.5)}
        assert list(indifference_set(Scores(equal), "good")) == members


def test_simple_is_fewer_tasks_then_no_augmentation_then_a_cheaper_step_then_first() -> None:
    tied = dict.fromkeys(["rich", "augmented", "plain", "cheap", "also cheap"])
    simplicity = {
        "rich": Simplicity(tasks=2, augmented=False, cost=0.1),
        "augmented": Simplicity(tasks=1, augmented=True, cost=0.1),
        "plain": Simplicity(tasks=1, augmented=False, cost=2.0),
        "cheap": Simplicity(tasks=1, augmented=False, cost=1.0),
        "also cheap": Simplicity(tasks=1, augmented=False, cost=1.0),
    }
    for expected in ("cheap", "also cheap", "plain", "augmented", "rich"):
        assert simplest(tied, simplicity) == expected
        del tied[expected]


def test_the_whole_verdict() -> None:
    scores: ByName = {**scored(baseline=0, good=0.03, same=0.0295, worse=-0.02), "failed": {0: math.nan}}
    simplicity = {name: Simplicity(2 if name == "good" else 1, augmented=False, cost=1.0) for name in scores}
    verdict = judge(Scores(scores), "baseline", simplicity, {"good": 0.9, "failed": 0.95})
    assert verdict is not None
    assert verdict.winner.name == "good"
    assert verdict.is_better
    assert set(verdict.comparisons) == {"good", "same", "worse"}
    assert verdict.comparisons["good"].corrected == 3 / 64
    assert verdict.simplest == "same"
    assert list(verdict.optimism) == ["good"]


def test_the_winners_corrected_gain_must_not_contradict_the_claim() -> None:
    """Each is better on every seed, but with another lead: who is best is luck, and little is left of its gain."""
    gains = {
        "baseline": [0.0] * 6,
        "a": [0.05, 0.001, 0.001, 0.05, 0.001, 0.001],
        "b": [0.001, 0.05, 0.001, 0.001, 0.05, 0.002],
    }
    scores = {name: {seed: 0.8 + gain for seed, gain in enumerate(each)} for name, each in gains.items()}
    simplicity = dict.fromkeys(scores, Simplicity(1, augmented=False, cost=1.0))
    verdict = judge(Scores(scores), "baseline", simplicity, {})
    assert verdict is not None
    assert verdict.comparisons[verdict.winner.name].is_better
    assert verdict.winner.gain is not None
    assert verdict.winner.gain.may_be_zero
    assert not verdict.is_better


def test_variants_that_are_no_candidates_take_no_power_from_them() -> None:
    scores = scored(baseline=0, good=0.03, a=0.0, b=0.0, variant=0.0, other=0.0)
    simplicity = dict.fromkeys(scores, Simplicity(1, augmented=False, cost=1.0))
    alone = judge(Scores(scores), "baseline", simplicity, {}, candidates=["good", "a", "b"])
    together = judge(Scores(scores), "baseline", simplicity, {})
    assert alone is not None
    assert together is not None
    assert alone.is_better
    assert set(alone.comparisons) == set(together.comparisons)
    assert not together.is_better


def test_no_verdict_where_everything_failed() -> None:
    assert judge(Scores({"baseline": {}, "a": {0: math.nan}}), "baseline", {}, {}) is None
