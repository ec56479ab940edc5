"""One suite that every batch operation passes; a new operation needs no new test here."""

from collections.abc import Callable, Sequence

import pytest
import torch
from autotune.objectives.augmentation.batch_operation import BatchOperation
from autotune.objectives.augmentation.registry import BATCH_OPERATIONS
from autotune.objectives.multi_task.backbones import encode
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.tasks.stacking import join, unstack
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
    return together(operation, prepared, [chosen], [magnitude], seed)


def together(
    operation: BatchOperation,
    prepared: PreparedObjective,
    chosen: Sequence[torch.Tensor],
    magnitudes: Sequence[float],
    seed: int = 0,
) -> Batch:
    """The same rows in several trials."""
    batch, generator = batch_of(prepared), torch.Generator().manual_seed(seed)
    several = join([batch] * len(chosen))
    sizes = torch.tensor(magnitudes, dtype=torch.float64)
    return operation.apply(several, torch.stack(list(chosen)), sizes, generator, prepared.codes)


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


def test_beside_other_trials_rows_become_what_they_become_alone(operation: BatchOperation, objective: Objectives):
    prepared, odd = objective(), torch.arange(ROWS) % 2 == 1
    chosen, magnitudes = [~odd, odd, odd | ~odd, odd & ~odd], [0.3, 0.3, 0.7, 0.3]
    found = unstack(together(operation, prepared, chosen, magnitudes), len(chosen))
    for one, rows, magnitude in zip(found, chosen, magnitudes, strict=True):
        alone = applied(operation, prepared, rows, magnitude)
        for part in ("ids", "mask", "partner", "keep", "cut_tokens", "cut_features"):
            known, other = getattr(alone, part), getattr(one, part)
            assert known is other is None or torch.equal(known, other)


def test_declares_itself(operation: BatchOperation):
    assert BATCH_OPERATIONS[operation.name] is operation
    assert operation.version >= 1
    assert len(operation.magnitude.split()) > 3
