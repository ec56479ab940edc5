"""Our side: the same trials through autotune's own trainer: one by one, as one program, or in a process a core."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from autotune.objectives.prepare import prepare
from autotune.objectives.settings import ObjectiveSettings
from autotune.objectives.training.checkpoints import CheckpointStore
from autotune.objectives.training.device import choose_device
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.trainer import Trainer
from autotune.search.executors.places import find_places
from autotune.search.executors.process import ProcessExecutor
from autotune.search.executors.worker import Recipe
from autotune.search.study_file.reading import parse_study_file
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration
from sides import SideResult, Spec, TrialSpec, main, peak_memory_bytes


def objective(spec: Spec) -> dict[str, Any]:
    """Return the spec as a study file says it: every row is kept, and one evaluation an epoch."""
    return {
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


def one_after_another(trainer: Trainer, trials: Sequence[TrialSpec]) -> tuple[list[float], list[float]]:
    """Train each trial to its end. Returns the seconds and the best evaluation of each."""
    seconds, scores = list[float](), list[float]()
    for trial in trials:
        started_s = time.perf_counter()
        scores += side_by_side(trainer, [trial])
        seconds.append(time.perf_counter() - started_s)
    return seconds, scores


def side_by_side(trainer: Trainer, trials: Sequence[TrialSpec]) -> list[float]:
    """Train all trials to their end, as many at once as the trainer takes. Returns the best evaluation of each."""
    waiting, training = dict(enumerate(trials)), set[int]()
    scores = [0.0] * len(trials)
    while waiting or training:
        for trial_id in list(waiting)[: trainer.capacity - len(training)]:
            trial = waiting.pop(trial_id)
            trainer.admit(trial_id, Configuration(learning_rate=trial.learning_rate, ratios={"language": trial.ratio}))
            training.add(trial_id)
        for evaluation in trainer.advance():
            if evaluation.failure is not None:
                raise SystemExit(f"trial {evaluation.trial_id}: {evaluation.failure}")
            scores[evaluation.trial_id] = max(scores[evaluation.trial_id], evaluation.metrics["accuracy"])
            if evaluation.finished:
                trainer.discard(evaluation.trial_id)
                training.remove(evaluation.trial_id)
    return scores


def workers(spec: Spec, folder: str) -> ProcessExecutor:
    """A process a core, each of one thread, or one a GPU: as `study run` has them."""
    text = yaml.safe_dump({"name": "throughput", **objective(spec)}, sort_keys=False)
    file = parse_study_file(text, "the benchmark's study")
    recipe = Recipe(file, Path(), CheckpointStore(Path(folder, "checkpoints"), "throughput", 10**9), slots=1)
    note = partial(print, file=sys.stderr)
    return ProcessExecutor(find_places("auto"), recipe, note, file.search.retries, file.search.trial_timeout)


def run_autotune(spec: Spec) -> SideResult:
    """Train all trials of the spec, without pruning: the sides must do equal work."""
    with tempfile.TemporaryDirectory() as cache:
        # What an earlier run tokenised would make this one's start look better than it is.
        os.environ["AUTOTUNE_CACHE"] = cache
        started_s = time.perf_counter()
        settings = ObjectiveSettings.model_validate(objective(spec))
        prepared = prepare(settings, AugmentationSpace(operations=[]), Path(), spec.seed)
        start_seconds, count = time.perf_counter() - started_s, len(spec.trials)
        if spec.how == "autotune":
            seconds, scores = one_after_another(PlainTrainer(prepared, choose_device("auto")), spec.trials)
            return SideResult(seconds, scores, start_seconds, peak_memory_bytes())
        started_s = time.perf_counter()
        if spec.how == "fused":
            scores = side_by_side(FusedTrainer(prepared, choose_device("auto"), count), spec.trials)
        else:
            with workers(spec, cache) as executor:
                scores = side_by_side(executor, spec.trials)
        seconds = (time.perf_counter() - started_s) / count
        return SideResult([seconds] * count, scores, start_seconds, peak_memory_bytes())


if __name__ == "__main__":
    main(run_autotune)
