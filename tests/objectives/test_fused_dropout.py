"""What a trial drops, and so all that it computes, depends on nothing but itself: not to the bit on its neighbours."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.multi_task.fused.slots import Slots
from autotune.objectives.multi_task.fused.slots import StackedTrial as Trial
from autotune.objectives.multi_task.model import PASS_TOKENS
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.mixing import batches_of
from autotune.spaces.configuration import Configuration, Mix

Objectives = Callable[..., PreparedObjective]

TASKS = ("sentiment", "aspect", "words")
TRIAL = Trial(step=3, dropout=0.2)
NEIGHBOURS = (Trial(step=3), Trial(step=7, dropout=0.5), Trial(step=3, dropout=0.0), Trial(step=0, dropout=0.2))


def computed(
    prepared: PreparedObjective, slots: Sequence[Trial], place: int, poison: int | None = None
) -> Sequence[torch.Tensor]:
    """The losses and the gradient of the trial in a place, among others whose weights and batches are other ones."""
    model = FusedModel(prepared.models.build(TASKS, prepared.settings.training), prepared.seed)
    base = model.layout.flat(dict(prepared.models.build(TASKS, prepared.settings.training).named_parameters()))
    weights = torch.stack([base * (1 + 0.1 * (slot is not TRIAL) * (1 + slot.step)) for slot in slots])
    if poison is not None:
        weights[poison, ::7] = torch.nan
    gradients = torch.full_like(weights, 7.0)
    model.bind(weights, gradients)
    model.slots.begin(slots)
    # At one step all have the same rows and lengths; mixup, in the neighbours alone, makes other batches of them.
    mixes = [Mix() if slot is TRIAL else Mix(operations={"mixup": 0.5}, magnitude=0.3) for slot in slots]
    trials = [Configuration(learning_rate=1e-3, ratios={"aspect": 1, "words": 1}, mix=mix) for mix in mixes]
    batches = [batches_of(prepared, trial, fixed_shapes=False).at(3) for trial in trials]
    losses: list[torch.Tensor] = []
    for number, found in enumerate(model.train().passes(batches, PASS_TOKENS)):
        model.backward(torch.stack(list(found.values())).sum(), first=number == 0)
        losses += [loss[place].detach() for loss in found.values()]
    return [*losses, gradients[place]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("others", "place"),
    [((0, 1, 2), 0), ((1, 0, 2), 1), ((3, 1, 0), 3), ((0,), 1), ((), 0)],
    ids=["first", "second", "last", "one neighbour", "alone"],
)
def test_slot_neighbours_and_their_number_change_no_bit(objective: Objectives, others: Sequence[int], place: int):
    prepared = objective()
    base = computed(prepared, [TRIAL, *NEIGHBOURS[:3]], 0)
    slots = [NEIGHBOURS[number] for number in others]
    slots.insert(place, TRIAL)
    assert all(map(torch.equal, base, computed(prepared, slots, place)))


@pytest.mark.slow
def test_a_neighbour_that_turns_nan_changes_no_bit(objective: Objectives):
    prepared = objective()
    slots = [NEIGHBOURS[0], TRIAL, NEIGHBOURS[1]]
    healthy, beside = computed(prepared, slots, 1), computed(prepared, slots, 1, poison=0)
    assert all(map(torch.equal, healthy, beside))
    assert all(part.isfinite().all() for part in beside)
    assert not computed(prepared, slots, 0, poison=0)[-1].isfinite().all()


def test_a_rate_is_the_share_that_is_dropped_and_the_mean_stays():
    slots = Slots(0, [Trial(0, 0.3), Trial(0, 0.0), Trial(0)])
    dropped = slots.drop(torch.ones(3 * 100, 200), "layer", 0.6).unflatten(0, (3, -1))
    for found, rate in zip(dropped, (0.3, 0.0, 0.6), strict=True):
        count = found.numel()
        assert (found == 0).sum().item() == pytest.approx(rate * count, abs=5 * math.sqrt(count))
        assert found.unique().numel() == (1 if rate == 0 else 2)
        assert found.mean().item() == pytest.approx(1, abs=0.03)


def test_rates_and_steps_of_others_change_nothing_that_is_dropped():
    values = torch.ones(2, 64)
    alone = Slots(0, [Trial(5, 0.3)]).drop(values, "a", 0.1)
    for others in (
        [Trial(5, 0.3)],
        [Trial(5, 0.4)],
        [Trial(5)],
        [Trial(6, 0.3)],
        [Trial(6, 0.0), Trial(5, 0.3), Trial(7)],
    ):
        together = Slots(0, [Trial(5, 0.3), *others]).drop(values.repeat(1 + len(others), 1), "a", 0.1)
        assert torch.equal(together[:2], alone)


def test_draws_differ_by_step_layer_and_turn_and_repeat_with_them():
    def drawn(seed: int, step: int, layer: str, turn: int) -> torch.Tensor:
        slots = Slots(seed)
        slots.begin([Trial(step, 0.5)])
        return [slots.drop(torch.ones(4, 64), layer, 0.1) for _ in range(turn)][-1]

    known = drawn(0, 5, "a", 1)
    assert torch.equal(drawn(0, 5, "a", 1), known)
    for other in [(1, 5, "a", 1), (0, 6, "a", 1), (0, 5, "b", 1), (0, 5, "a", 2)]:
        assert not torch.equal(drawn(*other), known)


def test_a_step_begins_its_turns_anew():
    slots = Slots(0)
    found: list[torch.Tensor] = []
    for _ in range(2):
        slots.begin([Trial(1, 0.5)])
        found.append(slots.drop(torch.ones(4, 64), "a", 0.1))
    assert torch.equal(*found)


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    Slots(0, [TRIAL]).drop(torch.ones(2, 2), "a", 0.1)
    assert torch.equal(torch.get_rng_state(), before)
