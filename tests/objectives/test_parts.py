"""A batch in parts: losses and gradients of all kinds of tasks add up to the whole one's."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from autotune.objectives.augmentation.cutoff import Cutoff
from autotune.objectives.augmentation.mixup import Mixup
from autotune.objectives.data.targets import IGNORED
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch, hidden_places
from autotune.objectives.tasks.registry import TASKS
from autotune.objectives.tasks.task import Task
from autotune.objectives.training.mixing import gathered
from autotune.objectives.training.parts import Division, in_parts
from autotune.objectives.training.run import TrainingRun
from autotune.spaces.configuration import Configuration, SettingValue
from autotune.spaces.training import TrainingSettings

Objectives = Callable[..., PreparedObjective]
SETTINGS: dict[str, dict[str, Any]] = {
    "classification": {"label": "aspect"},
    "regression": {"label": "stars"},
    "token_classification": {"tokens": "text"},
    "span": {"context": "text"},
}
KINDS = [task.kind for task in TASKS]
SOME_TARGETS = ["token_classification", "span", "masked_lm", "generation"]
"""Kinds that leave out targets."""


def prepared_of(kind: str, objective: Objectives) -> PreparedObjective:
    other = {"kind": kind, **SETTINGS.get(kind, {})}
    return objective(tasks={"sentiment": {"kind": "classification"}, "other": other}, training={"dropout": 0.0})


def batch_of(prepared: PreparedObjective, rows: int) -> tuple[Task[Any], Batch]:
    """Rows of several lengths, prepared as in training."""
    known = prepared.train["other"]
    batch = gathered(known, torch.arange(rows), prepared.pad, fixed_shapes=False)
    return known.task, known.task.prepare(batch, prepared.codes, torch.Generator().manual_seed(0))


def model_of(prepared: PreparedObjective) -> MultiTaskModel:
    return prepared.models.build(["sentiment", "other"], TrainingSettings(dropout=0.0)).train()


def trained(
    model: MultiTaskModel, task: Task[Any], parts: Iterable[tuple[Batch, float]]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss, and all gradients that are not None."""
    model.zero_grad()
    loss = torch.zeros(())
    for part, share in parts:
        own = model({task: part})[task.name] * share
        own.backward()
        loss += own.detach()
    return loss, {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


def check_equal(model: MultiTaskModel, task: Task[Any], batch: Batch, *divisions: Division) -> None:
    """The parts of all divisions together give what the whole batch gives."""
    loss, gradients = trained(model, task, [(batch, 1.0)])
    other_loss, others = trained(model, task, [part for one in divisions for part in in_parts(batch, one)])
    torch.testing.assert_close(other_loss, loss, rtol=1e-5, atol=1e-6)
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    assert largest > 0
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, rtol=0, atol=1e-5 * max(largest, 1.0), msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "count"), [(8, 2), (7, 2), (7, 3)])
def test_parts_add_up_to_the_whole(objective: Objectives, kind: str, rows: int, count: int):
    prepared = prepared_of(kind, objective)
    task, batch = batch_of(prepared, rows)
    parts = list(in_parts(batch, Division(count)))
    assert len(parts) == count
    assert sum(len(part.ids) for part, _ in parts) == rows
    assert sum(share for _, share in parts) == pytest.approx(1)
    check_equal(model_of(prepared), task, batch, Division(count))


@pytest.mark.parametrize("kind", SOME_TARGETS)
def test_a_part_without_targets_is_left_out(objective: Objectives, kind: str):
    prepared = prepared_of(kind, objective)
    task, batch = batch_of(prepared, 8)
    targets = batch.targets.clone()
    targets[4:] = IGNORED
    batch = replace(batch, targets=targets)
    ((part, share),) = in_parts(batch, Division(2))
    assert (len(part.ids), share) == (4, 1.0)
    check_equal(model_of(prepared), task, batch, Division(2))


@pytest.mark.parametrize("kind", SOME_TARGETS)
def test_targets_that_are_uneven_weigh_what_they_are(objective: Objectives, kind: str):
    prepared = prepared_of(kind, objective)
    task, batch = batch_of(prepared, 8)
    targets = batch.targets.clone()
    targets[1:4] = IGNORED
    batch = replace(batch, targets=targets)
    (_, first), (_, second) = in_parts(batch, Division(2))
    assert first < second
    check_equal(model_of(prepared), task, batch, Division(2))


@pytest.mark.parametrize("kind", [kind for kind in SOME_TARGETS if kind != "generation"])  # where every row has some
def test_of_a_batch_without_any_target_one_part_has_the_gradients_of_the_whole(objective: Objectives, kind: str):
    """They are zero, and not none: the optimizer steps, and weights decay."""
    prepared = prepared_of(kind, objective)
    task, batch = batch_of(prepared, 4)
    targets = torch.full_like(batch.targets, IGNORED)
    batch = replace(batch, targets=targets, hidden=None if batch.hidden is None else hidden_places(targets))
    ((part, share),) = in_parts(batch, Division(2))
    assert (len(part.ids), share) == (2, 0.0)
    model = model_of(prepared)
    (loss, gradients), (other_loss, others) = (
        trained(model, task, parts) for parts in ([(batch, 1.0)], [(part, share)])
    )
    assert loss == other_loss == 0
    assert gradients.keys() == others.keys()
    assert not any(gradient.any() for gradient in [*gradients.values(), *others.values()])


def test_a_single_row_stays_whole(objective: Objectives):
    _, batch = batch_of(prepared_of("classification", objective), 1)
    ((part, share),) = in_parts(batch, Division(2))
    assert (len(part.ids), share) == (1, 1.0)


def mixed_batch(prepared: PreparedObjective, rows: int = 8) -> tuple[Task[Any], Batch]:
    """Rows of which every second is blended with another one."""
    task, batch = batch_of(prepared, rows)
    random, chosen = torch.Generator().manual_seed(0), torch.arange(rows) % 2 == 0
    return task, Mixup().apply(batch, chosen[None], torch.tensor([0.3]), random, prepared.codes)


@pytest.mark.parametrize("kind", [task.kind for task in TASKS if task.mixes])
@pytest.mark.parametrize(
    "division", [Division(2), Division(most_rows=2), Division(most_rows=3), Division(most_rows=100)], ids=repr
)
def test_a_row_that_mixup_blends_brings_its_partner_along(objective: Objectives, kind: str, division: Division):
    prepared = prepared_of(kind, objective)
    task, mixed = mixed_batch(prepared)
    parts = [part for part, _ in in_parts(mixed, division)]
    assert max(len(part.ids) for part in parts) <= (division.most_rows or 4)
    assert sum(len(part.ids) if part.counted is None else int(part.counted.sum()) for part in parts) == 8
    check_equal(model_of(prepared), task, mixed, division)


def test_a_blended_row_takes_two_places_though_one_is_asked_for(objective: Objectives):
    prepared = prepared_of("classification", objective)
    task, mixed = mixed_batch(prepared)
    assert {len(part.ids) for part, _ in in_parts(mixed, Division(most_rows=1))} == {1, 2}
    check_equal(model_of(prepared), task, mixed, Division(most_rows=1))


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_has_more_rows_than_asked_for(objective: Objectives, kind: str):
    prepared = prepared_of(kind, objective)
    task, batch = batch_of(prepared, 7)
    assert [len(part.ids) for part, _ in in_parts(batch, Division(most_rows=3))] == [3, 3, 1]
    check_equal(model_of(prepared), task, batch, Division(most_rows=3))


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("most", [None, 2])
def test_the_shares_of_a_group_are_the_batch(objective: Objectives, size: int, most: int | None):
    """Each row once; of a batch with fewer rows than processes some get nothing."""
    prepared = prepared_of("classification", objective)
    task, batch = mixed_batch(prepared)
    parts = [list(in_parts(batch, Division(most_rows=most, rank=rank, size=size))) for rank in range(size)]
    assert sum(share for own in parts for _, share in own) == pytest.approx(1)
    assert sum(bool(own) for own in parts) == min(size, 8)
    check_equal(
        model_of(prepared), task, batch, *(Division(most_rows=most, rank=rank, size=size) for rank in range(size))
    )


def test_what_cutoff_takes_out_goes_with_its_row(objective: Objectives):
    prepared = prepared_of("classification", objective)
    task, batch = batch_of(prepared, 8)
    chosen = torch.arange(8) % 3 == 0
    cut = Cutoff().apply(batch, chosen[None], torch.tensor([0.3]), torch.Generator().manual_seed(0), prepared.codes)
    assert cut.is_reworked
    check_equal(model_of(prepared), task, cut, Division(2))


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["static", "uncertainty"])
def test_a_trial_in_parts_trains_the_same(objective: Objectives, weighting: str):
    """Only a plain sum of losses is trained in parts; other weightings take the whole batch, and are the same too."""
    settings: dict[str, SettingValue] = {"dropout": 0.0, "weighting": weighting}
    configuration = Configuration(learning_rate=1e-3, ratios={"aspect": 0.5, "words": 1.0}, training=settings)
    whole, parts = (TrainingRun(0, configuration, objective(), torch.device("cpu"), count) for count in (1, 3))
    for _ in range(2):
        one, other = whole.advance(), parts.advance()
        assert other.losses == pytest.approx(one.losses, rel=1e-4)
        assert other.metrics["log_loss"] == pytest.approx(one.metrics["log_loss"], rel=1e-4)
