"""Objectives for every kind that trains as one program, and what trainers say of trials, as tests compare it."""

from collections.abc import Sequence
from dataclasses import replace

from autotune.objectives.training.trainer import Evaluation, Trainer

TASKS = {
    "sentiment": {"kind": "classification"},
    "aspect": {"kind": "classification", "label": "aspect"},
    "words": {"kind": "masked_lm"},
    "tags": {"kind": "token_classification", "tokens": "text"},
    "labels": {"kind": "multi_label"},
    "stars": {"kind": "regression", "label": "stars"},
}
AUGMENTATION = {"operations": ["noise", "reverse", "mixup", "cutoff"], "magnitude": [0.1, 0.3], "levels": 2}


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
