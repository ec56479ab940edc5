"""One step's batches: which rows, which variants; what a task that is off costs."""

from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from autotune.objectives.augmentation.bank import TokenBank
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.tasks.batch import Batch
from autotune.objectives.training.mixing import Batches, batches_of, together
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.sampling import draw, probabilities
from autotune.spaces.configuration import Configuration, Mix, SettingValue
from autotune.spaces.training import TrainingSettings

Objectives = Callable[..., PreparedObjective]
AUGMENTATION = {"operations": ["noise", "reverse", "mixup"], "magnitude": [0.1, 0.3], "levels": 2, "replicas": 2}


@pytest.fixture
def prepared(objective: Objectives) -> PreparedObjective:
    return objective(augmentation=AUGMENTATION)


def configured(
    ratios: tuple[str, ...] = (), mix: dict[str, float] | None = None, magnitude: float = 0.3, **training: SettingValue
) -> Configuration:
    mixed = Mix(operations=mix or {}, magnitude=magnitude)
    return Configuration(learning_rate=1e-3, ratios=dict.fromkeys(ratios, 1.0), mix=mixed, training=training)


def main_batches(prepared: PreparedObjective, configuration: Configuration, steps: int = 15) -> list[Batch]:
    batches = batches_of(prepared, configuration, fixed_shapes=False)
    return [batches.at(step)[prepared.main.task] for step in range(steps)]


def same(left: Batch, right: Batch) -> bool:
    return torch.equal(left.ids, right.ids) and torch.equal(left.targets, right.targets)


def test_a_task_that_is_off_has_no_head_and_no_batches(prepared: PreparedObjective):
    run = TrainingRun(0, configured(("words",)), prepared, torch.device("cpu"))
    heads = {name.split(".")[1] for name, _ in run.model.named_parameters() if name.startswith("heads.")}
    assert heads == {"sentiment", "words"}
    at = batches_of(prepared, configured(("words",)), fixed_shapes=False).at(0)
    assert [task.name for task in at] == ["sentiment", "words"]


@pytest.mark.parametrize("mix", [{}, {"noise": 0.5, "mixup": 0.2}])
def test_other_tasks_change_neither_the_main_tasks_batches_nor_its_first_weights(
    prepared: PreparedObjective, mix: dict[str, float]
):
    alone, among = configured(mix=mix), configured(("aspect", "words"), mix)
    assert all(map(same, main_batches(prepared, alone), main_batches(prepared, among)))
    some = (["sentiment"], ["sentiment", "aspect", "words"])
    one, all_on = (prepared.models.build(tasks, TrainingSettings()) for tasks in some)
    named = dict(all_on.named_parameters())
    assert all(torch.equal(parameter, named[name]) for name, parameter in one.named_parameters())


def test_first_weights_depend_on_the_tasks_name_and_the_seed_alone(objective: Objectives):
    base = objective()
    tasks = {"sentiment": {"kind": "classification"}, "aspect": {"kind": "classification", "label": "aspect"}}
    fewer, other = objective(tasks=tasks), objective(seed=1)

    def head(prepared: PreparedObjective) -> torch.Tensor:
        return next(prepared.models.build(["sentiment", "aspect"], TrainingSettings()).head("aspect").parameters())

    assert torch.equal(head(base), head(fewer))
    assert not torch.equal(head(base), head(other))


def test_without_a_mix_batches_are_the_rows_themselves(prepared: PreparedObjective):
    order = batches_of(prepared, configured(), fixed_shapes=False).orders["sentiment"]
    for step, batch in enumerate(main_batches(prepared, configured())):
        rows = order.rows(step)
        length = int(prepared.main.tokens.lengths[rows].max())
        assert torch.equal(batch.ids, prepared.main.tokens.gather(rows, length, prepared.pad)["ids"])
        assert torch.equal(batch.targets, prepared.main.targets[rows])
        assert batch.keep is None


def variant_of(bank: TokenBank, variant: int, row: int) -> torch.Tensor:
    stored = bank.places[variant, row].unsqueeze(0)
    return bank.gather(stored, int(bank.tokens.lengths[stored]), 0)["ids"][0]


@pytest.mark.parametrize("operation", ["noise", "reverse"])
@pytest.mark.parametrize("magnitude", [0.1, 0.3])
def test_a_whole_share_takes_every_row_from_that_operations_variants(
    prepared: PreparedObjective, operation: str, magnitude: float
):
    configuration = configured(mix={operation: 1.0}, magnitude=magnitude)
    bank, which = prepared.bank, prepared.bank.variants[operation, magnitude]
    order = batches_of(prepared, configuration, fixed_shapes=False).orders["sentiment"]
    used: set[int] = set()
    for step, batch in enumerate(main_batches(prepared, configuration)):
        for row, ids, mask, target in zip(order.rows(step), batch.ids, batch.mask, batch.targets, strict=True):
            variants = [variant_of(bank, int(place), int(row)) for place in which]
            found = [i for i, variant in enumerate(variants) if torch.equal(variant, ids[mask])]
            assert found
            used.add(found[0])
            assert target == prepared.main.targets[row]
    assert used == {0, 1}


def test_shares_are_kept_on_average(prepared: PreparedObjective):
    batches = main_batches(prepared, configured(mix={"mixup": 0.3, "noise": 0.2}), steps=200)
    rows = sum(len(batch.ids) for batch in batches)
    blended = sum(
        int((batch.partner != torch.arange(len(batch.ids))).sum()) for batch in batches if batch.partner is not None
    )
    assert blended / rows == pytest.approx(0.3, abs=0.05)


def test_the_same_step_has_the_same_batch_in_every_run(prepared: PreparedObjective):
    configuration = configured(("words",), {"noise": 0.3, "mixup": 0.3})
    first, second = (batches_of(prepared, configuration, fixed_shapes=False) for _ in range(2))
    for step in (11, 3, 0):
        for left, right in zip(first.at(step).values(), second.at(step).values(), strict=True):
            assert same(left, right)
            assert (left.keep is None) == (right.keep is None)
            assert left.keep is None or right.keep is None or torch.equal(left.keep, right.keep)


def test_trials_together_have_the_batches_that_each_has_alone(objective: Objectives):
    prepared = objective(augmentation={**AUGMENTATION, "operations": ["noise", "reverse", "mixup", "cutoff"]})
    mixes = ({"noise": 0.5, "mixup": 0.4}, {}, {"reverse": 0.3}, {"cutoff": 0.6}, {"mixup": 0.5, "cutoff": 0.5})
    trials = [configured(("words",), mix, (0.1, 0.3)[place % 2]) for place, mix in enumerate(mixes)]
    sources = [batches_of(prepared, trial, fixed_shapes=True) for trial in trials]
    steps = (2, 2, 2, 2, 7)
    several = together(list(zip(sources, steps, strict=True)))
    for source, step, found in zip(sources, steps, several, strict=True):
        alone = source.at(step)
        assert list(found) == list(alone)
        for task, batch in alone.items():
            for part in fields(batch):
                known, other = getattr(batch, part.name), getattr(found[task], part.name)
                # Beside others a batch may say of every row that nothing is done to it.
                assert known is None or torch.equal(known, other)
    assert several[0][prepared.train["words"].task] is several[1][prepared.train["words"].task]


def test_tasks_on_the_same_rows_share_their_length(prepared: PreparedObjective):
    at = batches_of(prepared, configured(("aspect", "words")), fixed_shapes=False).at(4)
    assert len({batch.ids.shape for batch in at.values()}) == 1


def test_fixed_shapes_are_few_and_the_same_in_every_mix(prepared: PreparedObjective):
    noisy, quiet = (
        batches_of(prepared, configured(mix=mix), fixed_shapes=True) for mix in ({"noise": 0.5}, {"reverse": 0.1})
    )
    epoch = noisy.orders["sentiment"].steps_per_epoch
    found = [tuple(noisy.at(step)[prepared.main.task].ids.shape) for step in range(4 * epoch)]
    assert [quiet.shapes(step) for step in range(4 * epoch)] == [(("sentiment", *shape),) for shape in found]
    assert len({length for _, length in found}) <= len(prepared.main.buckets)
    assert max(length for _, length in found) > int(
        prepared.main.tokens.lengths.max()
    )  # noise made some rows longer than all originals


def test_fixed_shapes_without_a_mix_are_those_of_the_rows(prepared: PreparedObjective):
    batches = batches_of(prepared, configured(("words",)), fixed_shapes=True)
    for step in range(12):
        at = batches.at(step)
        longest = max(int(batch.mask.sum(1).max()) for batch in at.values())
        assert {batch.ids.shape[1] for batch in at.values()} == {length for *_, length in batches.shapes(step)}
        assert longest <= at[prepared.main.task].ids.shape[1] <= prepared.main.buckets[-1]


def test_an_auxiliary_may_read_another_column_of_the_same_rows(objective: Objectives):
    """Its lengths are others, so its batches are; every row still comes once an epoch."""
    tasks = {"sentiment": {"kind": "classification"}, "names": {"kind": "masked_lm", "text": "aspect"}}
    prepared = objective(tasks=tasks)
    order = batches_of(prepared, configured(("names",)), fixed_shapes=False).orders["names"]
    rows = torch.cat([order.rows(step) for step in range(order.steps_per_epoch)])
    assert rows.sort().values.tolist() == list(range(36))
    run = TrainingRun(0, configured(("names",)), prepared, torch.device("cpu"))
    assert set(run.advance().losses) == {"sentiment", "names"}


def sampled_steps(prepared: PreparedObjective, epochs: int = 40, sampling: str = "uniform") -> Batches:
    configuration = configured(("aspect", "words"), epochs=epochs, sampling=sampling)
    return batches_of(prepared, configuration, fixed_shapes=False)


def test_a_sampled_step_has_the_main_batch_and_one_more(prepared: PreparedObjective):
    sampled, every = sampled_steps(prepared), batches_of(prepared, configured(("aspect", "words")), fixed_shapes=False)
    seen: set[str] = set()
    for step in range(40):
        (main, own), (other, _) = sampled.at(step).items()
        assert main is prepared.main.task
        assert same(own, every.at(step)[main])
        seen.add(other.name)
    assert seen == {"aspect", "words"}


def test_a_sampled_task_walks_through_all_its_rows_whatever_else_is_drawn(prepared: PreparedObjective):
    batches = sampled_steps(prepared)
    walked: dict[str, list[int]] = {"aspect": [], "words": []}
    for step in range(60):
        (_, _), (name, turn) = batches.turns(step)
        walked[name] += batches.orders[name].rows(turn).tolist()
    for rows in walked.values():
        for start in range(0, len(rows) - 36, 36):  # the 36 training rows, epoch by epoch
            assert sorted(rows[start : start + 36]) == list(range(36))


def test_any_step_of_a_sampled_trial_can_be_asked_for_by_itself(prepared: PreparedObjective):
    whole, late = sampled_steps(prepared), sampled_steps(prepared)
    passed = [whole.at(step) for step in range(31)]
    for left, right in zip(passed[30].values(), late.at(30).values(), strict=True):
        assert same(left, right)


def test_a_sampled_task_that_is_off_is_never_drawn(prepared: PreparedObjective):
    batches = batches_of(prepared, configured(("words",), sampling="uniform"), fixed_shapes=False)
    assert all([task.name for task in batches.at(step)] == ["sentiment", "words"] for step in range(10))
    alone = batches_of(prepared, configured(sampling="uniform"), fixed_shapes=False)
    assert [task.name for task in alone.at(0)] == ["sentiment"]


def test_losses_of_sampled_tasks_are_means_over_their_own_steps(prepared: PreparedObjective):
    evaluation = TrainingRun(
        0, configured(("aspect", "words"), sampling="uniform"), prepared, torch.device("cpu")
    ).advance_to(10)
    assert evaluation.losses == pytest.approx({"sentiment": 1, "aspect": 1, "words": 1}, abs=0.3)


ROWS = {"large": 900, "middle": 90, "small": 10}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"sampling": "proportional"}, [0.9, 0.09, 0.01]),
        ({"sampling": "uniform"}, [1 / 3, 1 / 3, 1 / 3]),
        ({"sampling": "temperature", "temperature": 1}, [0.9, 0.09, 0.01]),
        ({"sampling": "temperature", "temperature": 2}, [0.697, 0.220, 0.073]),
        ({"sampling": "temperature", "temperature": 100}, [0.341, 0.333, 0.326]),
    ],
)
def test_tasks_are_drawn_by_their_numbers_of_rows(settings: dict[str, object], expected: list[float]):
    training = TrainingSettings.model_validate(settings)
    assert probabilities(ROWS, training).tolist() == pytest.approx(expected, rel=0.02)
    draws = draw(ROWS, training, 4000, seed=0)
    found = draws.chosen.bincount(minlength=3) / 4000
    assert found.tolist() == pytest.approx(expected, abs=0.03)


def test_a_longer_trial_draws_the_same_at_first_and_turns_count_up():
    training = TrainingSettings(sampling="uniform")
    short, long = (draw(ROWS, training, steps, seed=3) for steps in (7, 500))
    assert [short.at(step) for step in range(7)] == [long.at(step) for step in range(7)]
    for name in ROWS:
        turns = [turn for task, turn in map(long.at, range(500)) if task == name]
        assert turns == list(range(len(turns)))
    assert not torch.equal(long.chosen, draw(ROWS, training, 500, seed=4).chosen)
