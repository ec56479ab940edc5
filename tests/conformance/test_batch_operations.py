"""One suite that every batch operation passes; a new operation needs no new test here."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from autotune.objectives.augmentation.bank import BATCH_OPERATIONS
from autotune.objectives.augmentation.batch_operation import BatchOperation
from autotune.objectives.models.backbones import encode
from autotune.objectives.prepare import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.training.mixing import gathered
from autotune.spaces.training import TrainingSettings

Objectives = Callable[..., PreparedObjective]
ROWS = 12

pytestmark = pytest.mark.parametrize("operation", BATCH_OPERATIONS.values(), ids=BATCH_OPERATIONS.keys())


def batch_of(prepared: PreparedObjective) -> Batch:
    return gathered(prepared.main, torch.arange(ROWS), prepared.pad, fixed_shapes=False)


def applied(
    operation: BatchOperation, prepared: PreparedObjective, chosen: torch.Tensor, magnitude: float, seed: int = 0
) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return operation.apply(batch_of(prepared), chosen, magnitude, generator, prepared.codes)


def states(prepared: PreparedObjective, batch: Batch) -> torch.Tensor:
    model = prepared.models.build([prepared.main.task.name], TrainingSettings()).eval()
    (encoded,) = encode(model.encoder, [batch])
    return encoded.last_hidden_state


@pytest.mark.parametrize("magnitude", [0.0, 0.3, 1.0])
def test_rows_that_are_not_chosen_stay_to_the_bit(operation: BatchOperation, objective: Objectives, magnitude: float):
    prepared = objective()
    chosen = torch.arange(ROWS) % 2 == 0
    plain, found = (states(prepared, b) for b in (batch_of(prepared), applied(operation, prepared, chosen, magnitude)))
    same = (plain == found).flatten(1).all(1)
    assert same[~chosen].all()
    assert same.all() if magnitude == 0 else not same[chosen].all()


def test_the_same_random_state_gives_the_same_batch(operation: BatchOperation, objective: Objectives):
    prepared, chosen = objective(), torch.ones(ROWS, dtype=torch.bool)
    one, two, other = (states(prepared, applied(operation, prepared, chosen, 0.3, seed)) for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_the_generator_moves_on_by_the_number_of_rows_alone(operation: BatchOperation, objective: Objectives):
    prepared = objective()
    batch = batch_of(prepared)
    longer = replace(batch, ids=batch.ids.repeat(1, 2), mask=batch.mask.repeat(1, 2))
    left: list[torch.Tensor] = []
    for given, magnitude, some in ((batch, 0.3, True), (longer, 1.0, False), (batch, 0.0, True)):
        generator = torch.Generator().manual_seed(3)
        operation.apply(given, torch.full((ROWS,), some), magnitude, generator, prepared.codes)
        left.append(generator.get_state())
    assert all(torch.equal(state, left[0]) for state in left)


def test_declares_itself(operation: BatchOperation):
    assert BATCH_OPERATIONS[operation.name] is operation
    assert operation.version >= 1
    assert len(operation.magnitude.split()) > 3
