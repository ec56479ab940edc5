"""Looks at the fresh seeds: what was known each time that somebody, who knew it, had more trained."""

from collections.abc import Mapping

from .result import Confirmed


def with_look(known: Mapping[str, str | None], found: Confirmed | None, arms: int, seeds: int) -> dict[str, str | None]:
    """The looks so far, and the one at what there is, if more is to come and it could have claimed something.

    Args:
        known: who was shown to be better at each look, by the seeds that had scores.
        found: what there is; None: nothing.
        arms: that are compared from now on.
        seeds: that they are compared on.
    """
    looks = dict(known)
    if found is None or found.verdict is None or (arms, seeds) == (len(found.arms), len(found.seeds)):
        return looks
    able = [each.test.pairs for each in found.verdict.comparisons.values() if each.can_claim and not each.is_gated]
    if able:
        shown = found.verdict.winner.name if found.verdict.is_better else None
        looks[str(max(able))] = looks.get(str(max(able))) or shown
    return looks
