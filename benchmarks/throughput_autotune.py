"""Our side: the same trials through autotune's own trainer, one slot, one process."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autotune.objectives.prepare import prepare
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.device import choose_device
from autotune.objectives.training.fused import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Trainer
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from sides import SideResult, Spec, TrialSpec, main, peak_memory_bytes


def objective_settings(spec: Spec) -> ObjectiveSettings:
    """Return the spec as a study file says it: every row is kept, and one evaluation an epoch."""
    return ObjectiveSettings.model_validate(
        {
            "objective": "sentiment.accuracy",
            "data": {
                "train": spec.train,
                "validation": spec.validation,
                "clean": {"deduplicate": False, "drop_conflicting_labels": False, "drop_leaks": False},
            },
            "model": {"encoder": spec.encoder, "max_length": spec.max_length},
            "tasks": {"sentiment": {"kind": "classification"}, "language": {"kind": "masked_lm"}},
            "training": {
                "epochs": spec.epochs,
                "batch_size": spec.batch_size,
                "warmup": spec.warmup,
                "weight_decay": spec.weight_decay,
                "evaluations_per_epoch": 1,
                "precision": spec.precision,
            },
        }
    )


def together(trainer: Trainer, trials: Sequence[TrialSpec]) -> list[float]:
    """Train all trials to their end as one program, and return the best evaluation of each."""
    for trial_id, trial in enumerate(trials):
        trainer.admit(trial_id, Configuration(learning_rate=trial.learning_rate, ratios={"language": trial.ratio}))
    scores = [0.0] * len(trials)
    while trainer.upcoming():
        for evaluation in trainer.advance():
            if evaluation.failure is not None:
                raise SystemExit(f"trial {evaluation.trial_id}: {evaluation.failure}")
            scores[evaluation.trial_id] = max(scores[evaluation.trial_id], evaluation.metrics["accuracy"])
    return scores


def best_accuracy(trainer: Trainer, trial_id: int, trial: TrialSpec) -> float:
    """Train one trial to its end, and return the best of its evaluations."""
    trainer.admit(trial_id, Configuration(learning_rate=trial.learning_rate, ratios={"language": trial.ratio}))
    scores: list[float] = []
    while True:
        (evaluation,) = trainer.advance()
        if evaluation.failure is not None:
            raise SystemExit(f"trial {trial_id}: {evaluation.failure}")
        scores.append(evaluation.metrics["accuracy"])
        if evaluation.finished:
            trainer.evict(trial_id)
            return max(scores)


def run_autotune(spec: Spec) -> SideResult:
    """Train all trials of the spec, without pruning: the sides must do equal work."""
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        # What an earlier run tokenised would make this one's start look better than it is.
        os.environ["AUTOTUNE_CACHE"] = cache
        prepared = prepare(objective_settings(spec), AugmentationSpace(operations=[]), Path(), spec.seed)
    count = len(spec.trials)
    kind, slots = (FusedTrainer, count) if spec.fused else (PlainTrainer, 1)
    trainer = kind(prepared, choose_device("auto"), slots)
    start_seconds = time.perf_counter() - started_s
    if spec.fused:
        started_s = time.perf_counter()
        scores = together(trainer, spec.trials)
        return SideResult(
            [(time.perf_counter() - started_s) / count] * count, scores, start_seconds, peak_memory_bytes()
        )
    seconds: list[float] = []
    scores: list[float] = []
    for trial_id, trial in enumerate(spec.trials):
        started_s = time.perf_counter()
        scores.append(best_accuracy(trainer, trial_id, trial))
        seconds.append(time.perf_counter() - started_s)
    return SideResult(seconds, scores, start_seconds, peak_memory_bytes())


if __name__ == "__main__":
    main(run_autotune)
