"""Refilled slots against fixed waves, replayed with measured times of a step.

A trial is trained to rungs at 1, η, η², … of the way's smallest part; of those that come to a rung one in η goes on.

*Waves* fill all places with fresh trials and train them to the full length before the next ones come: a program with
fixed places computes for a pruned trial, too. *Refilled*: the trials that are furthest behind train together to their
next rung, a pruned one's place is taken at once: what our fused trainer does.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Replay:
    waves_s: float
    refilled_s: float
    occupancy: float
    """How near the refilled program's trial-steps a second come to those of a program that is always full."""


def replay(step_s: Mapping[int, float], trials: int, slots: int, smallest: int, rungs: int = 4, eta: int = 3) -> Replay:
    """Train `trials` through `rungs` rungs, the first after `smallest` steps.

    `step_s`: seconds of one step of so many trials at once, among them `slots`.
    """
    ladder = [smallest * eta**rung for rung in range(rungs)]
    draws = random.Random(0)
    goes_on = [[draws.random() < 1 / eta for _ in ladder[:-1]] + [False] for _ in range(trials)]
    waves = -(-trials // slots) * ladder[-1] * step_s[slots]
    waiting, running = list(range(trials)), {}
    seconds = steps = 0.0
    while waiting or running:
        while waiting and len(running) < slots:
            running[waiting.pop(0)] = 0
        rung = min(running.values())
        cohort = [trial for trial, at in running.items() if at == rung]
        way = ladder[rung] - (ladder[rung - 1] if rung else 0)
        seconds += way * _between(step_s, len(cohort))
        steps += way * len(cohort)
        for trial in cohort:
            if goes_on[trial][rung]:
                running[trial] = rung + 1
            else:
                del running[trial]
    return Replay(waves, seconds, steps / seconds * step_s[slots] / slots)


def _between(step_s: Mapping[int, float], count: int) -> float:
    """On the line between the two measured numbers of trials next to this one."""
    low = max((size for size in step_s if size <= count), default=min(step_s))
    high = min((size for size in step_s if size >= count), default=max(step_s))
    if low == high:
        return step_s[low]
    return step_s[low] + (step_s[high] - step_s[low]) * (count - low) / (high - low)
