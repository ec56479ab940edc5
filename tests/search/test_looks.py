"""What counts as a look at the fresh seeds, after which p-values count more."""

from dataclasses import replace

from autotune.search.confirmation.looks import with_look

from .confirmed import BASELINE, BETTER, WORSE, confirmed


def test_seeds_or_candidates_that_are_added_make_a_look_of_what_was_known() -> None:
    found = confirmed(parts={})
    assert with_look({}, found, 3, 6) == {}
    assert with_look({}, found, 3, 12) == {"6": "trial 2"}
    assert with_look({}, found, 4, 6) == {"6": "trial 2"}


def test_what_was_shown_at_a_look_is_kept() -> None:
    unshown = confirmed(winner=BASELINE, parts={})
    assert with_look({}, unshown, 3, 12) == {"6": None}
    assert with_look({"6": "trial 7"}, unshown, 3, 12) == {"6": "trial 7"}
    assert with_look({"6": None}, confirmed(parts={}), 4, 6) == {"6": "trial 2"}


def test_nothing_known_and_nothing_that_could_be_claimed_are_no_look() -> None:
    five = confirmed(BASELINE[:5], BETTER[:5], WORSE[:5], parts={})
    assert with_look({}, None, 3, 6) == with_look({}, five, 3, 12) == {}


def test_a_comparison_that_may_claim_nothing_makes_no_look() -> None:
    """Variants are compared in a family of their own, which takes fewer seeds than many candidates do."""
    found = confirmed(parts={})
    assert found.verdict is not None
    comparisons = {
        "trial 2": replace(found.verdict.comparisons["trial 2"], comparisons=4),
        "equal weights": replace(found.verdict.comparisons["trial 5"], comparisons=1, is_gated=True),
    }
    gated = replace(found, verdict=replace(found.verdict, comparisons=comparisons))
    assert with_look({}, gated, 6, 12) == {}
