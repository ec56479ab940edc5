"""What trainers say of trials, as tests compare it."""

from collections.abc import Sequence
from dataclasses import replace

from autotune.objectives.training.trainer import Evaluation, Trainer


def told(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """What a trial says of itself: all but the time it took and its number."""
    return [replace(evaluation, trial_id=0, seconds=0) for evaluation in evaluations]


def to_the_end(trainer: Trainer) -> dict[int, list[Evaluation]]:
    """Advance until nothing more comes; each trial's evaluations."""
    found: dict[int, list[Evaluation]] = {}
    while evaluations := trainer.advance():
        for evaluation in evaluations:
            found.setdefault(evaluation.trial_id, []).append(evaluation)
    return found
