"""Which configurations are trained on fresh seeds: the candidates and what they are compared with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...spaces.configuration import Configuration, Mix
from ...spaces.errors import NothingToConfirm
from ...spaces.space import SearchSpace
from ..ranking import RankedTrial
from ..roles import BASELINE, EQUAL_WEIGHTS
from ..safe_text import plain


@dataclass(frozen=True)
class Planned:
    """A configuration that is to be trained on fresh seeds.

    Args:
        name: "baseline", "trial 17", "equal weights", "trial 17 at the default rate".
        configuration: what it trains.
        trial: of the search, that it comes from; None for a variant that the search did not try.
        is_candidate: whether the search proposes it.
    """

    name: str
    configuration: Configuration
    trial: int | None = None
    is_candidate: bool = False


def compared(ranked: Sequence[RankedTrial], space: SearchSpace, count: int, study: str) -> list[Planned]:
    """The baseline, the best `count` trials, equal weights, and the best trial at the default rate; each once.

    Raises:
        NothingToConfirm: fewer than two trials are complete, or all are the baseline.
    """
    if len(ranked) < 2:
        there = f"only one complete trial, {ranked[0].number}" if ranked else "no complete trial"
        raise NothingToConfirm(f"the study {study!r} has {there}; confirming needs at least two: run more trials")
    baseline, equal = space.baseline(), space.equal_weights()
    tried = {key_of(trial.configuration): trial.number for trial in reversed(ranked)}
    found = each_once(
        [
            Planned(BASELINE, baseline, tried.get(key_of(baseline))),
            *(Planned(f"trial {trial.number}", trial.configuration, trial.number, True) for trial in ranked),
        ]
    )[: count + 1]
    if len(found) < 2:
        raise NothingToConfirm(f"all complete trials of {study!r} are the baseline: there is no candidate to confirm")
    best = found[1]
    return each_once(
        [
            *found,
            Planned(EQUAL_WEIGHTS, equal, tried.get(key_of(equal))),
            Planned(f"{best.name} at the default rate", at_default_rate(best.configuration, space)),
        ]
    )


def key_of(configuration: Configuration) -> str:
    """The same text for equal configurations, in whatever order their parts are written."""
    return json.dumps(configuration.model_dump(), sort_keys=True)


def each_once(planned: Sequence[Planned]) -> list[Planned]:
    """Without configurations that came before under another name."""
    found: dict[str, Planned] = {}
    for each in planned:
        found.setdefault(key_of(each.configuration), each)
    return list(found.values())


def at_default_rate(configuration: Configuration, space: SearchSpace) -> Configuration:
    """The same at the rate that the baseline has."""
    return configuration.model_copy(update={"learning_rate": space.default_rate})


def without_parts(winner: Configuration, space: SearchSpace) -> dict[str, Configuration]:
    """The winner without each of its parts, by the part's name; what it does not have is no part."""
    return {part: variant for part, variant in _variants(winner, space) if variant != winner}


def _variants(winner: Configuration, space: SearchSpace) -> Iterator[tuple[str, Configuration]]:
    on = [task for task in winner.ratios if task not in space.measured]
    if on:
        kept = {task: ratio for task, ratio in winner.ratios.items() if task in space.measured}
        yield "multi-task training", _with_ratios(winner, kept)
    if len(on) > 1:
        for task in on:
            rest = {name: ratio for name, ratio in winner.ratios.items() if name != task}
            yield f"the task {plain(task)}", _with_ratios(winner, rest)
    yield "weights other than equal ones", _with_ratios(winner, dict.fromkeys(winner.ratios, 1.0))
    operations = winner.mix.operations
    if winner.mix.share:
        yield "augmentation", _with_operations(winner, {})
    if len(operations) > 1:
        for name in operations:
            yield f"the operation {name}", _with_operations(winner, _without(operations, name))
    yield "a rate other than the default", at_default_rate(winner, space)
    if any(value != getattr(space.training, name, None) for name, value in winner.training.items()):
        yield "training settings other than the study's", winner.model_copy(update={"training": {}})
    if any(value != space.cleaning.get(name) for name, value in winner.cleaning.items()):
        yield "cleaning other than the study's", winner.model_copy(update={"cleaning": space.baseline().cleaning})


def _with_ratios(configuration: Configuration, ratios: Mapping[str, float]) -> Configuration:
    return configuration.model_copy(update={"ratios": dict(ratios)})


def _with_operations(configuration: Configuration, operations: Mapping[str, float]) -> Configuration:
    mix = Mix(operations=dict(operations), magnitude=configuration.mix.magnitude) if operations else Mix()
    return configuration.model_copy(update={"mix": mix})


def _without(operations: Mapping[str, float], name: str) -> dict[str, float]:
    """Its share goes to "none"."""
    return {other: share for other, share in operations.items() if other != name}
