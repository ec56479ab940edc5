"""A grid over a part of the space: all its combinations and nothing else, however often a run is stopped."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from autotune.search.creation import grid
from autotune.search.study import open_study
from autotune.search.study_file.reading import parse_study_file
from autotune.search.study_file.schema import StudyFile
from autotune.spaces.configuration import Configuration
from optuna.trial import TrialState

Command = Callable[..., Any]
TEXT = """\
name: tiny
data: {train: reviews.csv, validation: 0.25}
model: {encoder: scratch:tiny, max_length: 16}
tasks:
  sentiment: {kind: classification}
  aspect: {kind: classification, label: aspect}
  words: {kind: masked_lm}
space:
  learning_rate: [1e-4, 1e-2]
  augmentation: {operations: [noise, mixup]}
  training: {batch_size: [8, 16], dropout: [null, 0.1], weight_decay: [0.0, 0.1]}
training: {epochs: 1, precision: fp32}
search: {sampler: grid, grid: GRID}
"""


def file(given: str) -> StudyFile:
    return parse_study_file(TEXT.replace("GRID", given), "study.yaml")


def trained(given: str) -> list[Configuration]:
    study = file(given)
    return [study.search_space().configuration(point) for point in grid(study)]


def test_a_grid_varies_what_it_names_and_leaves_the_rest_at_the_baseline() -> None:
    found = trained("{levels: 4, over: [training.weight_decay, training.dropout]}")
    baseline = file("{}").search_space().baseline()
    assert all(point.model_copy(update={"training": {}}) == baseline for point in found)
    values = {(round(float(point.training["weight_decay"] or 0), 4), point.training["dropout"]) for point in found}
    assert values == set(product((0.0, 0.0333, 0.0667, 0.1), (None, 0.1)))
    assert len(found) == 8


def test_levels_are_those_of_every_range() -> None:
    """Of five the middle one is the baseline, which has a trial of its own."""
    assert [len(trained(f"{{levels: {levels}, over: [learning_rate]}}")) for levels in (2, 4, 5)] == [2, 4, 4]


def test_what_is_given_is_trained_once() -> None:
    space = file("{}").search_space()
    combined = trained("{levels: 3, over: [learning_rate, loss_weights.aspect.on]}")
    every = {point.model_dump_json() for point in (space.baseline(), space.equal_weights(), *combined)}
    assert len(every) == 2 + len(combined) == 7  # of six combinations one is the baseline


def test_a_task_that_is_off_is_trained_once_and_not_at_every_ratio() -> None:
    found = trained("{over: [loss_weights.aspect.on, loss_weights.aspect.ratio]}")
    ratios = sorted(point.ratios.get("aspect", 0.0) for point in found)
    assert ratios == pytest.approx([0.03, 0.03 * (10 / 0.03) ** 0.5, 10])  # off in the baseline, which is not of it
    assert all(set(point.ratios) <= {"aspect"} for point in found)


@pytest.mark.slow
def test_all_combinations_and_nothing_else_are_trained_in_two_runs(reviews_csv: Path, autotune: Command) -> None:
    folder = reviews_csv.parent
    text = TEXT.replace("GRID", "{levels: 2, over: [learning_rate, loss_weights.aspect.ratio]}")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    path, storage = str(folder / "study.yaml"), f"sqlite:///{folder / 'grid.db'}"
    told = autotune("study", "create", path, "--storage", storage)
    assert told.code == 0
    assert "a grid of 4 configurations beside baseline and equal weights\n" in told.out
    for total in (["--trials", "3"], [], []):
        assert autotune("study", "run", path, "--storage", storage, "--devices", "cpu", *total).code == 0
    study = open_study("tiny", storage).study
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6
    space = file("{}").search_space()
    found = [Configuration.model_validate(trial.user_attrs["configuration"]) for trial in study.trials]
    assert found[:2] == [space.baseline(), space.equal_weights()]
    combined = {(point.learning_rate, point.ratios["aspect"]) for point in found[2:]}
    assert combined == set(product((1e-4, 1e-2), (0.03, 10)))
    assert all(set(point.ratios) == {"aspect"} and not point.training for point in found[2:])


def test_create_says_how_much_of_the_grid_the_total_leaves_out(reviews_csv: Path, autotune: Command) -> None:
    folder = reviews_csv.parent
    text = TEXT.replace("sampler: grid", "trials: 5, sampler: grid").replace(
        "GRID", "{over: [learning_rate, training.dropout]}"
    )
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    told = autotune("study", "create", str(folder / "study.yaml"), "--dry-run").out
    assert (
        "a grid of 6 configurations beside baseline and equal weights, of which 3 are within search.trials (5)" in told
    )
