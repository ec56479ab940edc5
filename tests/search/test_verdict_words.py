"""What the verdict, the ablation and the short runs say."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from autotune.search.confirmation.as_json import to_json
from autotune.search.confirmation.words import sentences
from autotune.search.verdict.ablation import effects
from autotune.search.verdict.rank_correlation import kendall_tau
from autotune.search.verdict.scores import Scores
from autotune.search.verdict.short_runs import short_runs
from autotune.search.verdict.sign_flip import sign_flip
from autotune.search.verdict.units import Unit, unit_of
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from .confirmed import BASELINE, BETTER, WORSE, confirmed

TRIALS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30)


def ablated(winner: list[float], variant: list[float], *, maximize: bool = True) -> str:
    scores = {"winner": dict(enumerate(winner)), "multi-task training": dict(enumerate(variant))}
    table = Scores(scores, maximize)
    (effect,) = effects(table, "winner")
    return effect.sentence(unit_of(table))


def test_an_effect_is_said_in_points() -> None:
    said = ablated([0.814, 0.819, 0.812, 0.818, 0.809, 0.812], [0.8] * 6)
    assert said == "multi-task training: +1.4 points (1.1 to 1.8)"


def test_an_error_has_its_own_unit_and_less_of_it_is_a_gain() -> None:
    said = ablated([1.9, 1.8, 1.85, 1.9, 1.8, 1.7], [2.0] * 6, maximize=False)
    assert said.startswith("multi-task training: +0.175 (0.1")


def test_an_error_below_one_is_not_in_points() -> None:
    assert ablated([0.31, 0.32, 0.33, 0.31, 0.32, 0.30], [0.4] * 6, maximize=False).startswith(
        "multi-task training: +0.085 (0.0"
    )


def test_an_effect_whose_interval_has_zero_in_it_is_none() -> None:
    """The sign-flip test alone would show it: p is 0.047."""
    gains = [0.012, 0.006, 0.011, 0.013, -0.007, 0.01, 0.008]
    assert sign_flip(np.array(gains)).different < 0.05
    said = ablated([0.8 + gain for gain in gains], [0.8] * 7)
    assert said == "multi-task training: no effect that 7 seeds can show; measured: +0.8 points (-0.3 to 1.1)"


def test_harm_is_an_effect_too() -> None:
    assert ablated([0.78, 0.79, 0.77, 0.785, 0.78, 0.775], [0.8] * 6).startswith(
        "multi-task training: -2.0 points (-2."
    )


def test_no_effect_is_said_with_what_it_could_be() -> None:
    said = ablated([0.81, 0.79, 0.80, 0.82, 0.78, 0.81], [0.8] * 6)
    assert said == "multi-task training: no effect that 6 seeds can show; measured: +0.2 points (-1.5 to 1.5)"


def test_few_seeds_show_no_effect_however_large() -> None:
    assert ablated([0.9], [0.8]) == "multi-task training: +10.0 points, but 1 seed is too few to show an effect"
    assert ablated([0.9, 0.91, 0.92], [0.8] * 3).endswith("but 3 seeds are too few to show an effect")


def test_a_variant_that_failed_has_no_effect() -> None:
    table = Scores({"winner": {0: 0.8}, "augmentation": {}})
    assert effects(table, "winner") == []


def test_nothing_is_never_called_minus_nothing() -> None:
    assert Unit(points=True).number(-0.0001) == "0.0"
    assert Unit(points=False).number(-1234.5) == "-1.23e+03"


@given(TRIALS)
def test_tau_is_that_of_scipy(trials: list[tuple[int, int]]) -> None:
    first, second = np.array(trials, dtype=float).T
    found = kendall_tau(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
        return
    assert found is not None
    assert found[0] == pytest.approx(stats.kendalltau(first, second)[0])
    assert (found[1] is not None) == (len(trials) >= 8)


@given(TRIALS)
def test_the_opposite_order_has_the_opposite_tau(trials: list[tuple[int, int]]) -> None:
    first, second = np.array(trials, dtype=float).T
    assume(len(set(first)) > 1 and len(set(second)) > 1)
    there, back = kendall_tau(first, second), kendall_tau(first, -second)
    assert there is not None
    assert back is not None
    assert there[0] == pytest.approx(-back[0])


def test_the_interval_of_tau_covers_it() -> None:
    random = np.random.default_rng(0)
    true = 2 / np.pi * np.arcsin(0.7)
    covered = 0
    for _ in range(100):
        first = random.normal(size=20)
        found = kendall_tau(first, 0.7 * first + np.sqrt(1 - 0.7**2) * random.normal(size=20))
        assert found is not None
        assert found[1] is not None
        covered += found[1].low <= true <= found[1].high
    assert 90 <= covered <= 99


FULL = {trial: trial / 10 for trial in range(9)}
"""Trial 8 is the best at full length."""


@pytest.mark.parametrize("maximize", [True, False])
def test_a_rung_that_would_drop_the_winner_is_named(maximize: bool) -> None:
    sign = 1 if maximize else -1
    early = {trial: sign * -score for trial, score in FULL.items()}
    late = {trial: sign * score for trial, score in FULL.items()}
    found = short_runs({10: early, 20: late, 30: late}, late, winner=8, maximize=maximize)
    assert [(rung.tau, rung.winner_rank, rung.keeps_winner) for rung in found.rungs] == [
        (pytest.approx(-1), 9, False),
        (pytest.approx(1), 1, True),
        (pytest.approx(1), 1, True),
    ]
    assert found.safe_step == 20
    assert found.warning == (
        "keeping the best third at step 10 would have dropped the winner, which was number 9 of 9 there; "
        "from step 20 on it would not"
    )


def test_the_best_third_is_kept_and_pruned_trials_count() -> None:
    third = {**FULL, 8: 0.55}  # behind 7 and 6
    assert short_runs({10: third}, FULL, winner=8, maximize=True).rungs[0].keeps_winner
    with_pruned = short_runs({10: {**third, 9: 0.9, 10: 0.9}}, FULL, winner=8, maximize=True).rungs[0]
    assert (with_pruned.trials, with_pruned.winner_rank, with_pruned.keeps_winner) == (11, 5, False)


def test_of_two_trials_one_is_kept() -> None:
    assert short_runs({10: {7: 0.5, 8: 0.6}}, FULL, winner=8, maximize=True).rungs[0].keeps_winner


def test_a_rung_is_not_safe_where_a_later_one_drops_the_winner() -> None:
    bad = {**FULL, 8: 0.0}
    found = short_runs({10: FULL, 20: bad}, FULL, winner=8, maximize=True)
    assert found.safe_step is None
    assert found.warning is not None
    assert found.warning.endswith("no rung is long enough to tell")
    assert short_runs({10: FULL, 20: bad, 30: FULL}, FULL, winner=8, maximize=True).safe_step == 30


def test_without_a_score_of_the_winner_nothing_is_said() -> None:
    found = short_runs({10: {1: 0.5, 2: float("nan")}}, {}, winner=8, maximize=True)
    assert (found.rungs[0].tau, found.rungs[0].keeps_winner, found.rungs[0].trials) == (None, None, 1)
    assert (found.safe_step, found.warning) == (None, None)
    assert short_runs({}, {}, winner=8, maximize=True).rungs == ()


FAILED = (math.nan,) * 6


@pytest.mark.parametrize(
    ("baseline", "other", "said"),
    [
        (BASELINE, WORSE, ["Every other one is worse than trial 2 by more than the seed noise."]),
        (
            BASELINE,
            FAILED,
            ["Every other one that can be compared is worse than trial 2 by more than the seed noise."],
        ),
        (FAILED, FAILED, []),
    ],
    ids=["all have scores", "one failed on every seed", "all others did"],
)
def test_only_what_was_measured_is_called_worse(
    baseline: Sequence[float], other: Sequence[float], said: list[str]
) -> None:
    told = sentences(confirmed(baseline, other=other))
    assert [sentence for sentence in told if "noise" in sentence] == said


def test_without_a_seed_in_common_nothing_is_called_worse() -> None:
    found = confirmed(FAILED, winner=(0.84, 0.82, 0.86, *FAILED[3:]), other=(*FAILED[3:], 0.7, 0.71, 0.72), parts={})
    assert not [sentence for sentence in sentences(found) if "noise" in sentence]


def test_a_greater_gain_that_is_not_proven_is_named_beside_the_winner() -> None:
    said = sentences(confirmed(winner=BETTER, other=(0.95, 0.6, 0.95, 0.97, 0.95, 0.97)))
    assert said[0].startswith("The winner is trial 2: ")
    assert said[2].startswith("trial 5 gained more, +10.2 points (")
    assert "but not surely: 6 seeds do not show that it is better; a gain like this one needs about" in said[2]


MORE = (*BASELINE, 0.79), (*BETTER, 0.85), (*WORSE, 0.7)


def test_seeds_added_after_a_look_are_said_to_count_less() -> None:
    found = confirmed(*MORE, parts={}, looks={6: None})
    said = sentences(found)
    assert "It is better on 7 seeds (p = 0.047, corrected for 2 comparisons and 2 looks)" in said[1]
    assert said[2] == (
        "Seeds were added after a look at 6, so this is look 2: p = 0.016 counts as 0.047, and intervals of gains are "
        "of 98.3 %, those on test data of 95 %."
    )
    told = to_json(found)
    assert told["looks"] == {"6": None}
    assert told["arms"]["trial 2"]["gain"]["corrected_p"] == 6 / 128
    assert not any("look" in sentence for sentence in sentences(confirmed(*MORE, parts={})))


def test_what_an_earlier_look_has_claimed_is_not_forgotten_where_all_seeds_do_not_show_it() -> None:
    seventh = (*BASELINE, 0.79), (*BETTER, 0.75), (*WORSE, 0.7)
    said = sentences(confirmed(*seventh, parts={}, looks={6: "trial 2"}))
    assert said[1].startswith("It is not shown to be better than the baseline")
    assert said[3] == "trial 2 was shown to be better than the baseline on 6 seeds, but is not on all that there are."
    assert not any(
        "is not on all" in sentence for sentence in sentences(confirmed(*MORE, parts={}, looks={6: "trial 2"}))
    )


def test_where_the_baseline_wins_a_later_look_has_no_p_to_name() -> None:
    said = sentences(confirmed((0.9,) * 12, (0.8,) * 12, (0.7,) * 12, parts={}, looks={6: None, 8: None}))
    assert said[1].startswith("Seeds were added after a look at 6, 8, so this is look 3: a p counts 9 times, ")


def test_few_seeds_contradict_nothing() -> None:
    """The interval alone would call the baseline worse, of which no gain can be shown."""
    said = sentences(confirmed((0.7,) * 3, (0.76, 0.75, 0.765), (0.6,) * 3, parts={}))
    assert said[1].startswith("It is not shown to be better than the baseline: +5.8 points (3.9 to 7.7).")
    assert "Tied with trial 2 on these seeds: baseline, trial 5. The simplest of them all is baseline." in said


def test_one_seed_is_not_called_corrected() -> None:
    found = confirmed((0.7,), (0.76,), (0.6,), parts={})
    assert sentences(found)[0] == (
        "The winner is trial 2: 0.7600 on 1 fresh seed, not corrected for selection, which takes more seeds."
    )
    told = to_json(found)
    assert (told["corrected"], told["corrected_gain"]) == (None, None)


def test_test_data_is_used_once_so_nothing_is_said_of_more_seeds() -> None:
    found = confirmed(winner=(*BASELINE[:5], 0.86))
    (said,) = [each for each in sentences(found) if "test data, used once" in each]
    assert said.endswith("6 seeds do not show that it is better.")


def test_who_failed_on_all_fresh_seeds_was_the_best_of_the_search_still() -> None:
    found = confirmed(winner=FAILED, other=BETTER, parts={})
    assert found.verdict is not None
    judged = replace(found.verdict, optimism={"trial 5": found.verdict.scores["trial 5"]})
    (said,) = [each for each in sentences(replace(found, verdict=judged)) if each.startswith("In the search")]
    assert said.startswith("In the search the best candidate with a fresh score, trial 5, scored 0.9300: ")


def test_harm_is_shown_in_json_too() -> None:
    told = to_json(confirmed(parts={"augmentation": [score + 0.05 for score in BETTER]}))["ablation"]["augmentation"]
    assert (told["shown"], told["better"], told["two_sided_p"]) == (True, False, 2 / 64)


def test_json_calls_those_tied_that_an_export_calls_so() -> None:
    found = confirmed(winner=BASELINE[::-1])
    assert found.verdict is not None
    assert to_json(found)["tied"] == list(found.verdict.tied) == ["baseline", "trial 2"]


def test_an_effect_and_a_tie_are_judged_alike_at_every_look() -> None:
    """A part that is left out may be an arm of its own: six seeds show nothing at a second look."""
    for looks, is_shown in (({}, True), ({5: None}, False)):
        found = confirmed(parts={"multi-task training": WORSE}, looks=looks)
        assert found.verdict is not None
        (effect,) = found.effects
        assert effect.is_shown == is_shown == ("trial 5" not in found.verdict.tied)
    assert effect.sentence(found.unit).endswith("but 6 seeds are too few to show an effect")


def test_where_all_score_alike_that_is_said_first() -> None:
    alike = (0.5, 0.4, 0.5, 0.5, 0.5, 0.5)
    assert sentences(confirmed(alike, alike, alike))[0].startswith(
        "On every seed all configurations have the same score"
    )
    assert not any("same score" in said for said in sentences(confirmed(alike, alike, WORSE)))


def test_a_gain_that_may_be_luck_is_not_called_shown_anywhere() -> None:
    """As measured it is better, p is 0.03; on seeds that did not choose it, its gain may be none."""
    baseline = [0.8, 0.81, 0.8, 0.8, 0.8, 0.81, 0.8, 0.8, 0.8]
    winner = [0.82, 0.82, 0.8, 0.8, 0.81, 0.82, 0.8, 0.81, 0.86]
    found = confirmed(baseline, winner, [0.83, 0.78, 0.84, 0.81, 0.79, 0.85, 0.81, 0.83, 0.8])
    assert sentences(found)[1] == (
        "It is not shown to be better than the baseline: +1.3 points (0.4 to 3.8); +0.8 points (-0.1 to 3.3) corrected "
        "for selection. P(better) 0.992; as measured it would be better on 9 seeds (p = 0.031, corrected "
        "for 2 comparisons), but selection may explain all of it."
    )
    told = to_json(found)
    assert told["better"] is told["arms"]["trial 2"]["gain"]["better"] is False
