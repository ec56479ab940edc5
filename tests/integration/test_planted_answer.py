"""The quickstart's planted answer is there to be found: the aspect helps, the weekday does not."""

from pathlib import Path

import pytest
import torch
from autotune.objectives.prepare import prepare
from autotune.objectives.training.run import TrainingRun
from autotune.search.study_file.reading import read_study_file
from autotune.spaces.augmentation import AugmentationSpace
from autotune.spaces.configuration import Configuration

STUDY = Path(__file__).parents[2] / "studies" / "quickstart" / "study.yaml"


def best_accuracy(ratios: dict[str, float]) -> float:
    """The best evaluation of one training at the default rate, in the first six of its ten epochs."""
    file = read_study_file(STUDY)
    prepared = prepare(file, AugmentationSpace(), STUDY.parent, seed=0)
    rate = file.search_space().default_rate
    configuration = Configuration(learning_rate=rate, ratios=ratios, training={"precision": "fp32"})
    run = TrainingRun(0, configuration, prepared, torch.device("cpu"))
    return max(run.advance().metrics["accuracy"] for _ in range(6))


@pytest.mark.slow
def test_the_aspect_helps_and_the_weekday_does_not() -> None:
    """With one seed, and in fp32 whatever the machine has: the gap is a few points, and other rounding is another seed.

    Three seeds to the end say the same in the mean, in fp32 (0.67, 0.70, 0.67) and in bf16 (0.66, 0.69, 0.67).
    """
    alone, aspect, weekday = map(best_accuracy, ({}, {"aspect": 1.0}, {"weekday": 1.0}))
    assert aspect > alone + 0.01
    assert aspect > weekday
