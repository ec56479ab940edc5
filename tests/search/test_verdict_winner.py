"""The winner, what is left of its score, who is tied with it, and who of them is the simplest."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from autotune.search.verdict.estimate import Estimate
from autotune.search.verdict.indifference import Simplicity, indifference_set, simplest
from autotune.search.verdict.optimism import optimism_gap
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.selection import selection_luck
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


def corrected(winner: Winner) -> Estimate:
    assert winner.corrected is not None
    return winner.corrected


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
    for found in (verdict.scores["baseline"], verdict.winner.score, corrected(verdict.winner)):
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
    assert corrected(winner).mean == pytest.approx(winner.score.mean)


def test_the_lead_of_the_best_of_equals_is_taken_off() -> None:
    drawn = np.random.default_rng(0).normal(0.8, 0.02, size=(300, 5, 6))
    found = [
        winner_of({f"{row}" if row else "baseline": dict(enumerate(each)) for row, each in enumerate(table.tolist())})
        for table in drawn
    ]
    assert np.mean([winner.score.mean for winner in found]) > 0.807
    assert np.mean([corrected(winner).mean for winner in found]) == pytest.approx(0.8, abs=0.0015)
    gains = [winner.gain.mean for winner in found if winner.gain]
    assert abs(np.mean(gains)) < 0.005, "as measured it is 0.014"


def test_the_interval_moves_with_the_corrected_mean() -> None:
    winner = winner_of(scored(baseline=0, a=0.001, b=0.0005))
    assert winner.score.interval is not None
    moved, interval = corrected(winner).mean - winner.score.mean, corrected(winner).interval
    assert moved != 0
    assert interval is not None
    assert interval.low - winner.score.interval.low == pytest.approx(moved)


@given(SCORES)
def test_a_loss_that_is_minimized_is_a_score_with_the_other_sign(rows: list[list[int]]) -> None:
    names = ("baseline", "a", "b")
    scores = {name: {seed: row[place] / 200 for seed, row in enumerate(rows)} for place, name in enumerate(names)}
    high, low = winner_of(scores), winner_of(negated(scores), maximize=False)
    assert high.name == low.name
    assert corrected(high).mean == pytest.approx(-corrected(low).mean)
    if high.gain and low.gain:
        assert high.gain.mean == pytest.approx(low.gain.mean)


def test_held_out_seeds_did_not_choose() -> None:
    """Each candidate is best on one seed and worthless on the other: whoever is chosen disappoints."""
    assert selection_luck(np.array([[1.0, 0.0], [0.0, 1.0]]), 0) == 0.5
    assert selection_luck(np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]), 0) == 0


def test_many_seeds_are_split_at_random_but_always_the_same() -> None:
    scores = np.random.default_rng(0).normal(size=(3, 30))
    best = int(scores.mean(axis=1).argmax())
    assert selection_luck(scores, best) == selection_luck(scores, best)
    assert selection_luck(scores[[best, best]], 0) == 0


FAILING = [
    ({1: 0.75, 2: 0.75, 3: 0.75, 4: 0.95, 5: 0.95, 6: 0.95}, {1: 0.8, 2: 0.8, 3: 0.8}, 0.0),
    ({1: 0.75, 2: 0.80, 3: 0.70}, {4: 0.70, 5: 0.78, 6: 0.74}, 0.017),
    ({1: 0.74, 2: 0.72, 3: 0.73}, {1: 0.78, 2: 0.77, 3: 0.79, 4: 0.66, 5: 0.65, 6: 0.66}, 0.016),
]


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize(("best", "other", "luck"), FAILING, ids=["the other failed", "on other seeds", "the best did"])
def test_where_trainings_failed_the_luck_of_the_choice_is_taken_off_still(
    maximize: bool, best: Mapping[int, float], other: Mapping[int, float], luck: float
) -> None:
    """On the seeds that all share the other one may be better, which raised the score, or there may be none."""
    scores = {"baseline": dict.fromkeys(range(1, 7), 0.7), "best": best, "other": other}
    winner = winner_of(scores if maximize else negated(scores), maximize=maximize)
    assert winner.name == "best"
    assert winner.gain is not None
    lost = winner.score.mean - corrected(winner).mean
    assert (lost if maximize else -lost) == pytest.approx(luck, abs=0.001)
    assert winner.gain.mean == pytest.approx(np.mean(list(best.values())) - 0.7 - luck, abs=0.001)


@given(st.lists(st.tuples(*[st.none() | st.floats(0, 1)] * 4), min_size=1, max_size=7))
def test_the_correction_raises_nothing_whatever_failed(rows: list[tuple[float | None, ...]]) -> None:
    names = ("baseline", "a", "b", "c")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    scores = {
        name: {seed: score for seed, score in enumerate(its) if score is not None} for name, its in columns.items()
    }
    table = Scores(scores, least=0.0)
    winner = find_winner(table, "baseline")
    if winner is None or winner.corrected is None:
        return
    assert 0 <= corrected(winner).mean <= winner.score.mean + 1e-12
    if winner.gain:
        assert -1 <= winner.gain.mean <= table.gains(winner.name, "baseline").mean() + 1e-12


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
    assert (winner.name, winner.score.mean, winner.corrected, winner.gain) == ("a", 0.9, None, None)


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


@pytest.mark.parametrize("look", [1, 2])
@given(rows=SCORES)
def test_the_baseline_is_tied_unless_the_winner_is_shown_to_be_better(look: int, rows: list[list[int]]) -> None:
    names = ("baseline", "a", "b")
    scores = {name: {seed: row[place] / 200 for seed, row in enumerate(rows)} for place, name in enumerate(names)}
    same = dict.fromkeys(scores, Simplicity(1, augmented=False, cost=1.0))
    verdict = judge(Scores(scores), "baseline", same, {}, look=look)
    assert verdict is not None
    if verdict.is_better or not verdict.proven_too:
        assert ("baseline" in verdict.tied) != verdict.is_better


def test_the_winners_gain_over_the_baseline_is_one_gain_at_every_look() -> None:
    """Whether as a candidate's or as a tied one's."""
    scores = Scores(scored(baseline=0, good=0.001))
    same = dict.fromkeys(scores.by_name, Simplicity(1, augmented=False, cost=1.0))
    for look in (1, 2, 3):
        verdict = judge(scores, "baseline", same, {}, look=look)
        assert verdict is not None
        tied = verdict.tied["baseline"]
        assert tied is not None
        assert (tied.gain, tied.look) == (verdict.comparisons["good"].gain, look)


def test_what_a_later_look_does_not_show_is_tied() -> None:
    """Six seeds have a two-sided p of 0.03 at best: at a second look it counts three times."""
    table = Scores(scored(good=0.05, bad=0.0))
    assert list(indifference_set(table, "good")) == ["good"]
    assert list(indifference_set(table, "good", look=2)) == ["good", "bad"]


def test_fewer_seeds_than_can_show_anything_tie_everybody_however_equal_their_differences() -> None:
    one = Scores({"good": {0: 0.9}, "bad": {0: 0.1}, "failed": {}})
    assert list(indifference_set(one, "good")) == ["good", "bad"]
    for seeds, members in ((5, ["good", "bad"]), (6, ["good"])):
        equal = {"good": dict.fromkeys(range(seeds), 0.9), "bad": dict.fromkeys(range(seeds), 0.5)}
        assert list(indifference_set(Scores(equal), "good")) == members
        nearly = {name: {seed: score + NOISE[seed] for seed, score in each.items()} for name, each in equal.items()}
        assert list(indifference_set(Scores({**equal, "bad": nearly["bad"]}), "good")) == members


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
