"""Cutoff: what may go, how much, and for whom."""

from collections.abc import Callable

import pytest
import torch
from autotune.objectives.augmentation.cutoff import Cutoff
from autotune.objectives.checking import check_operations
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.training.mixing import batches_of, gathered
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.errors import StudyFileError

from .corpora import tasks_of

Objectives = Callable[..., PreparedObjective]
ROWS = 48


@pytest.fixture
def prepared(objective: Objectives) -> PreparedObjective:
    return objective(augmentation={"operations": ["cutoff"]})


def cut(prepared: PreparedObjective, magnitude: float) -> tuple[Batch, torch.Tensor, torch.Tensor]:
    """A batch of many rows, all of them cut; which tokens are gone, and which features."""
    rows = torch.arange(ROWS) % len(prepared.main.tokens)
    batch = gathered(prepared.main, rows, prepared.pad, fixed_shapes=False)
    chosen, size = torch.ones(1, ROWS, dtype=torch.bool), torch.tensor([magnitude], dtype=torch.float64)
    found = Cutoff().apply(batch, chosen, size, torch.Generator().manual_seed(0), prepared.codes)
    assert found.cut_tokens is not None
    assert found.cut_features is not None
    return batch, found.cut_tokens, found.cut_features


@pytest.mark.parametrize("magnitude", [0.1, 0.5, 1.0])
def test_special_tokens_padding_and_the_last_token_stay(prepared: PreparedObjective, magnitude: float):
    batch, tokens, _ = cut(prepared, magnitude)
    assert tokens.any()
    assert not tokens[~batch.mask].any()
    assert not tokens[torch.isin(batch.ids, prepared.codes.special)].any()
    assert not tokens[torch.arange(ROWS), batch.mask.sum(1) - 1].any()


@pytest.mark.parametrize("magnitude", [0.1, 0.5, 1.0])
def test_each_row_loses_its_share_rounded_up_and_never_all(prepared: PreparedObjective, magnitude: float):
    batch, tokens, features = cut(prepared, magnitude)
    width = features.shape[1]
    kinds = set[str]()
    for row in range(ROWS):
        words = int(batch.mask[row].sum()) - 2  # without the special tokens at both ends
        share = min(-(-words * round(magnitude * 10) // 10), words - 1)
        lost = int(tokens[row].sum()), int(features[row].sum())
        assert lost in {(share, 0), (0, min(-(-width * round(magnitude * 10) // 10), width - 1))}
        kinds.add("tokens" if lost[0] else "features")
    assert kinds == {"tokens", "features"}


def test_a_third_of_the_rows_lose_one_span(prepared: PreparedObjective):
    _, tokens, _ = cut(prepared, 0.5)
    places = [row.nonzero().flatten() for row in tokens if row.sum() > 2]
    spans = [int(found[-1] - found[0]) + 1 == len(found) for found in places]
    assert any(spans)
    assert not all(spans)


def test_only_the_main_tasks_rows_are_cut(prepared: PreparedObjective):
    mix = Mix(operations={"cutoff": 1.0}, magnitude=0.3)
    configuration = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}, mix=mix)
    batches = {
        task.name: batch for task, batch in batches_of(prepared, configuration, fixed_shapes=False).at(0).items()
    }
    assert batches["sentiment"].cut_tokens is not None
    assert batches["aspect"].cut_tokens is None
    assert batches["aspect"].cut_features is None


def test_it_is_refused_for_text_that_is_written_from_what_is_read():
    (task,) = tasks_of({"copy": {"kind": "generation"}})
    with pytest.raises(StudyFileError, match="'cutoff' cannot drop parts of the input of a generation task"):
        check_operations(["cutoff"], task)
