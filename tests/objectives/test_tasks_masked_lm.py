from collections.abc import Callable

import pytest
import torch
from autotune.objectives.multi_task.model import MultiTaskModel
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch, TextCodes, hidden_places
from autotune.objectives.tasks.masked_lm import MaskedLanguageModel, MaskedLanguageModelSettings
from autotune.spaces.training import TrainingSettings

Objectives = Callable[..., PreparedObjective]


def test_tokens_are_hidden_as_in_bert(codes: TextCodes):
    task = MaskedLanguageModel("words", MaskedLanguageModelSettings(kind="masked_lm", probability=0.15))
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 1000, (200, 100), generator=random)
    before = Batch(ids, torch.ones_like(ids, dtype=torch.bool), ids.new_zeros(200, 0))
    after = task.prepare(before, codes, random)
    chosen = after.targets != -100
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(after.targets[chosen], ids[chosen])
    assert torch.equal(after.ids[~chosen], ids[~chosen])
    shown, truth = after.ids[chosen], ids[chosen]
    assert (shown == 4).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert (shown == truth).float().mean().item() == pytest.approx(0.1, abs=0.03)


def words_batch(model: MultiTaskModel, prepared: PreparedObjective, hidden: bool) -> dict[str, torch.Tensor]:
    task = prepared.train["words"].task
    ids = torch.tensor([[2, 9, 10, 3], [2, 3, 0, 0]])
    targets = torch.full_like(ids, -100)
    if hidden:
        targets[0, 1] = 9
    return model({task: Batch(ids, ids != 0, targets, hidden=hidden_places(targets))})


def test_a_batch_in_which_nothing_is_hidden_costs_nothing(objective: Objectives):
    prepared = objective()
    model = prepared.models.build(["sentiment", "words"], TrainingSettings(dropout=0.0))
    loss = words_batch(model, prepared, hidden=False)["words"]
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    assert words_batch(model, prepared, hidden=True)["words"].item() > 1
