"""Together trials are what each is alone: to the bit, on one thread, among as many; within 1e-6 among more or fewer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from autotune.objectives.multi_task.fused.model import FusedModel
from autotune.objectives.multi_task.fused.weights import FlatWeights
from autotune.objectives.prepared import PreparedObjective
from autotune.objectives.training.failure import FailureKind
from autotune.objectives.training.fused.cohort import Cohort
from autotune.objectives.training.fused.fusible import fusion, unfusible
from autotune.objectives.training.fused.row_adamw import RowAdamW
from autotune.objectives.training.fused.run import FusedRun
from autotune.objectives.training.fused.trainer import FusedTrainer
from autotune.objectives.training.mixing import batches_of
from autotune.objectives.training.plain import PlainTrainer
from autotune.objectives.training.run import TrainingRun
from autotune.objectives.training.trainer import Checkpoint, Evaluation
from autotune.spaces.configuration import Configuration, Mix
from autotune.spaces.space import SearchSpace, SpaceSettings
from autotune.spaces.training import TrainingSettings

from .trained import AUGMENTATION, TASKS, to_the_end, told

Objectives = Callable[..., PreparedObjective]
CPU = torch.device("cpu")


def trial(rate: float, mix: Mapping[str, float] = {}, **training: Any) -> Configuration:  # noqa: ANN401
    ratios = {name: 0.5 for name in TASKS if name != "sentiment"}
    return Configuration(
        learning_rate=rate, ratios=ratios, mix=Mix(operations=dict(mix), magnitude=0.3), training=training
    )


NOISY = trial(2e-3, {"noise": 0.4, "mixup": 0.3}, dropout=0.2)
TRIALS = [
    NOISY,
    trial(1e-3, {"cutoff": 0.3, "mixup": 0.2}, weight_decay=0.3, max_grad_norm=None),
    trial(5e-4, {"reverse": 0.5}, dropout=0.0, schedule="cosine"),
    trial(3e-3, {"mixup": 0.7}, dropout=0.5, warmup=0.4, max_grad_norm=0.1),
]
"""One form: the same tasks, rows and lengths."""
WILD = trial(1e30, {"noise": 0.1})


@pytest.fixture
def prepared(objective: Objectives) -> PreparedObjective:
    return objective(tasks=TASKS, augmentation=AUGMENTATION, training={"evaluations_per_epoch": 1})


def trained(prepared: PreparedObjective, configurations: Sequence[Configuration]) -> FusedTrainer:
    """A trainer of these trials, which have trained to their first rung."""
    trainer = FusedTrainer(prepared, CPU, len(configurations))
    for trial_id, configuration in enumerate(configurations):
        trainer.admit(trial_id, configuration)
    assert trainer.upcoming() == list(range(len(configurations)))
    trainer.advance()
    return trainer


def state(checkpoint: Checkpoint | None) -> Iterator[torch.Tensor]:
    assert checkpoint is not None
    yield from checkpoint.weights.values()
    yield from checkpoint.optimizer.values()


def same(left: Checkpoint | None, right: Checkpoint | None) -> bool:
    return all(map(torch.equal, state(left), state(right)))


def test_trials_that_are_left_hold_no_memory_of_those_that_went(prepared: PreparedObjective):
    """A row that is a view of its last stack would keep that whole, and the next stack on top of it."""
    trainer = trained(prepared, TRIALS)
    for gone in (0, 1):
        trainer.evict(gone)
    trainer.advance()
    rows = [run.begin(FlatWeights.of(run.shaped())).row for trial_id in (2, 3) if (run := trainer._fused(trial_id))]
    assert [row.untyped_storage().nbytes() for row in rows] == [row.nbytes for row in rows]


def test_every_trials_weights_begin_where_aligned_kernels_may_read(prepared: PreparedObjective):
    runs = [FusedRun(number, trial(1e-3, precision="bf16"), prepared, CPU) for number in range(3)]
    cohort = Cohort(FusedModel(runs[0].shaped(), 0), runs, prepared, CPU)
    cohort.train(1)
    stacks = cohort._weights, cohort._gradients, cohort.model._rounded
    assert stacks[2].dtype == torch.bfloat16
    for stack in stacks:
        assert stack.shape[1] % 8  # in bf16 the second row would begin off the 16 bytes that cuBLAS asks for
        assert not any(row.data_ptr() % 16 for row in stack)


@pytest.mark.slow
def test_a_cohort_whose_rows_find_no_room_stays_as_it_is(prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch):
    def no_room(_: RowAdamW) -> None:
        raise torch.OutOfMemoryError("none left")

    known = trained(prepared, TRIALS)
    monkeypatch.setattr(RowAdamW, "leave", no_room)
    found = trained(prepared, TRIALS)
    found.advance()
    known.advance()
    assert all(same(found.checkpoint(trial_id), known.checkpoint(trial_id)) for trial_id in range(len(TRIALS)))


def test_batches_of_another_size_are_another_form(prepared: PreparedObjective):
    """Even where all rows fit into either, so that every shape agrees: trials of one form share batches."""
    small, same_size, large = (FusedRun(0, trial(1e-3, batch_size=size), prepared, CPU) for size in (64, 64, 128))
    assert small.form == same_size.form
    assert small.form[-1] == large.form[-1]
    assert small.form != large.form


def alike(left: Checkpoint | None, right: Checkpoint | None) -> bool:
    """Within 1e-6: some products of one matrix are summed in another order than those of several."""
    return all(
        torch.allclose(one, two, rtol=1e-6, atol=1e-6) for one, two in zip(state(left), state(right), strict=True)
    )


def alike_told(left: Sequence[Evaluation], right: Sequence[Evaluation]) -> bool:
    """As `alike`, of what trials tell."""
    return [(one.step, one.finished) for one in left] == [(two.step, two.finished) for two in right] and all(
        dict(one.losses) == pytest.approx(dict(two.losses), rel=1e-5)
        and dict(one.metrics) == pytest.approx(dict(two.metrics), rel=1e-5)
        for one, two in zip(left, right, strict=True)
    )


@pytest.mark.slow
def test_its_slot_changes_no_bit(prepared: PreparedObjective):
    found = [
        trained(prepared, [*TRIALS[1 : place + 1], NOISY, *TRIALS[place + 1 :]]).checkpoint(place) for place in range(4)
    ]
    assert all(same(found[0], other) for other in found[1:])
    assert alike(found[0], trained(prepared, [NOISY]).checkpoint(0))


@pytest.mark.slow
def test_other_neighbours_change_no_bit(prepared: PreparedObjective):
    left, right = trained(prepared, [TRIALS[1], NOISY, TRIALS[2]]), trained(prepared, [NOISY, TRIALS[3], TRIALS[3]])
    assert same(left.checkpoint(1), right.checkpoint(0))


@pytest.mark.slow
def test_a_neighbour_that_diverges_changes_no_bit_and_is_told_by_name(prepared: PreparedObjective):
    among = trained(prepared, [TRIALS[1], TRIALS[2], NOISY]).checkpoint(2)
    trainer = FusedTrainer(prepared, CPU, 3)
    for trial_id, configuration in enumerate([TRIALS[1], WILD, NOISY]):
        trainer.admit(trial_id, configuration)
    failures = {evaluation.trial_id: evaluation.failure for evaluation in trainer.advance()}
    assert (failures[0], failures[2]) == (None, None)
    assert failures[1] is not None
    assert failures[1].kind is FailureKind.DIVERGED
    assert same(trainer.checkpoint(2), among)


@pytest.mark.slow
def test_a_slot_that_is_refilled_trains_with_those_that_are_an_epoch_ahead(objective: Objectives):
    """Where epochs have their shapes in one order, as those of one batch do."""
    training = {"evaluations_per_epoch": 1, "batch_size": 64}
    prepared = objective(tasks=TASKS, augmentation=AUGMENTATION, training=training)
    alone = FusedTrainer(prepared, CPU)
    alone.admit(0, NOISY)
    expected = told(to_the_end(alone)[0])
    trainer = trained(prepared, [TRIALS[1], TRIALS[2]])
    trainer.discard(0)
    trainer.admit(7, NOISY)
    assert trainer.upcoming() == [7, 1]  # the fresh one is behind
    found = trainer.advance()
    assert [evaluation.step for evaluation in found] == prepared.rungs(prepared.settings.training)
    assert alike_told([found[0], *to_the_end(trainer)[7]], expected)


def test_rungs_that_differ_are_no_cohort(objective: Objectives):
    """Half an epoch apart the batches have other lengths, so that each goes by itself."""
    prepared = objective(tasks=TASKS, augmentation=AUGMENTATION)
    trainer = trained(prepared, [TRIALS[1], TRIALS[2]])
    trainer.discard(0)
    trainer.admit(7, NOISY)
    assert trainer.upcoming() == [7]


def fixed(run: TrainingRun) -> TrainingRun:
    """The plain trainer's run, padded as the fused one pads: what masks draw depends on a batch's length."""
    run._batches = batches_of(run._prepared, run.configuration, fixed_shapes=True)
    return run


@pytest.mark.slow
def test_fifty_steps_together_alone_and_plain(objective: Objectives):
    """Without dropout: 1e-5 of the loss between together and alone, 1e-4 to the plain trainer.

    At rates of fine-tuning: at ten times as much, rounding grows to 1.03e-4 here.
    """
    prepared = objective(
        tasks=TASKS, augmentation=AUGMENTATION, training={"epochs": 10, "evaluations_per_epoch": 1, "dropout": 0.0}
    )
    configurations = [
        found.model_copy(
            update={"learning_rate": found.learning_rate / 10, "training": {**found.training, "dropout": 0.0}}
        )
        for found in (NOISY, TRIALS[3])
    ]
    trainer = trained(prepared, configurations)
    together = to_the_end(trainer)
    for trial_id, configuration in enumerate(configurations):
        alone = FusedTrainer(prepared, CPU)
        alone.admit(0, configuration)
        plain = fixed(TrainingRun(0, configuration, prepared, CPU))
        ours, theirs = to_the_end(alone)[0], [plain.advance() for _ in range(10)]
        assert theirs[-1].step == 50
        for one, two, three in zip(together[trial_id], ours[1:], theirs[1:], strict=True):
            for name, loss in two.losses.items():
                assert one.losses[name] == pytest.approx(loss, rel=1e-5)
                assert three.losses[name] == pytest.approx(loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("fused_first", [True, False])
def test_a_trial_moves_between_this_trainer_and_the_plain_one(prepared: PreparedObjective, fused_first: bool):
    """Without dropout and masks, which the two draw otherwise."""
    configuration = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}, training={"dropout": 0.0})
    kinds: list[type[PlainTrainer]] = [FusedTrainer, PlainTrainer]
    stays, first, second = (kind(prepared, CPU) for kind in ([PlainTrainer, *kinds[:: 1 if fused_first else -1]]))
    stays.admit(0, configuration)
    expected = to_the_end(stays)[0]
    first.admit(0, configuration)
    found = first.advance()
    second.admit(0, configuration, first.evict(0))
    found += to_the_end(second)[0]
    for one, two in zip(found, expected, strict=True):
        assert one.step == two.step
        assert dict(one.losses) == pytest.approx(dict(two.losses), rel=1e-4)
        assert dict(one.metrics) == pytest.approx(dict(two.metrics), rel=1e-4)


@pytest.mark.slow
def test_memory_that_is_short_halves_the_cohort_and_loses_no_trial(
    prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
):
    """Memory ends at the third step, when the longer batches come."""
    expected = to_the_end(trained(prepared, TRIALS))
    passes = FusedModel.passes

    def short(self: FusedModel, batches: Sequence[Any], most_tokens: int) -> Iterator[dict[str, torch.Tensor]]:
        if self.slots.count > 2 and self.slots.trials[0].step >= 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from passes(self, batches, most_tokens)

    monkeypatch.setattr(FusedModel, "passes", short)
    trainer = trained(prepared, TRIALS)
    assert len(trainer.upcoming()) == 2
    found = to_the_end(trainer)
    assert found.keys() == expected.keys()
    assert all(alike_told(found[trial_id], expected[trial_id]) for trial_id in found)


def test_what_memory_was_short_for_is_tried_again_after_a_while(
    prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
):
    trainer = trained(prepared, TRIALS)
    monkeypatch.setattr("autotune.objectives.training.fused.trainer._CLEAN", 3)
    trainer._most_trials, found = 1, []
    for _ in range(6):
        found.append(len(trainer.upcoming()))
        trainer._had_room(found[-1])
    assert found == [1, 1, 1, 2, 2, 2]
    assert len(trainer.upcoming()) > 2


def test_a_model_that_nobody_trains_with_holds_no_weights(prepared: PreparedObjective):
    """One is kept for each set of tasks; with a cohort's weights each would hold all slots' for the worker's life."""
    trainer = trained(prepared, TRIALS)
    assert trainer._models
    assert not [held for kept in trainer._models.values() for model in kept for held in model.parameters()]


@pytest.mark.slow
def test_an_evaluation_that_fails_fails_alone(prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch):
    """Those that were evaluated before it must not be asked for their next rung: at the last one there is none."""
    expected = to_the_end(trained(prepared, TRIALS))
    evaluated = FusedRun.evaluated

    def broken(self: FusedRun, metrics: Mapping[str, float], losses: Mapping[str, float], seconds: float) -> Evaluation:
        if self.trial_id == 1 and self.finished:
            raise ValueError("a metric of this trial's")
        return evaluated(self, metrics, losses, seconds)

    monkeypatch.setattr(FusedRun, "evaluated", broken)
    found = to_the_end(trained(prepared, TRIALS))
    assert found[1][-1].failure is not None
    assert "a metric of this trial's" in found[1][-1].failure.message
    others = [trial_id for trial_id in expected if trial_id != 1]
    assert {each: told(found[each]) for each in others} == {each: told(expected[each]) for each in others}


@pytest.mark.slow
def test_a_trial_that_breaks_the_program_is_found_and_fails_alone(
    prepared: PreparedObjective, monkeypatch: pytest.MonkeyPatch
):
    expected = trained(prepared, TRIALS)
    passes = FusedModel.passes

    def broken(self: FusedModel, batches: Sequence[Any], most_tokens: int) -> Iterator[dict[str, torch.Tensor]]:
        if any(slot.dropout == 0.5 for slot in self.slots.trials):
            raise RuntimeError("a kernel of this trial's")
        yield from passes(self, batches, most_tokens)

    monkeypatch.setattr(FusedModel, "passes", broken)
    trainer = FusedTrainer(prepared, CPU, 4)
    for trial_id, configuration in enumerate(TRIALS):
        trainer.admit(trial_id, configuration)
    failures = {evaluation.trial_id: evaluation.failure for evaluation in trainer.advance()}
    assert [failures[trial_id] for trial_id in range(3)] == [None] * 3
    assert failures[3] is not None
    assert (failures[3].kind, failures[3].message) == (FailureKind.CRASHED, "a kernel of this trial's")
    assert all(alike(trainer.checkpoint(trial_id), expected.checkpoint(trial_id)) for trial_id in range(3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"training": {"weighting": "dwa"}}, "weighting dwa"),
        ({"training": {"sampling": "uniform"}}, "sampling uniform"),
        ({"training": {"layer_decay": 0.9}}, "layer_decay"),
        ({"training": {"freeze_layers": 1}}, "freeze_layers"),
        ({"ratios": {"retell": 1.0}}, "'retell'"),
    ],
)
def test_what_is_not_fused_trains_one_by_one_and_says_why(objective: Objectives, changes: dict[str, Any], reason: str):
    tasks = {**TASKS, "retell": {"kind": "generation"}}
    prepared = objective(tasks=tasks, training={"epochs": 1, "evaluations_per_epoch": 1})
    configuration = Configuration(learning_rate=1e-3, ratios={"aspect": 1.0}).model_copy(update=changes)
    assert reason in (unfusible(prepared, configuration) or "")
    found: list[list[Evaluation]] = []
    for kind in (FusedTrainer, PlainTrainer):
        trainer = kind(prepared, CPU, 2)
        trainer.admit(0, configuration)
        trainer.admit(1, NOISY)
        assert trainer.upcoming() == [0]
        found.append(told(trainer.advance()))
    assert found[0] == found[1]


def test_one_task_alone_may_have_any_weighting(prepared: PreparedObjective):
    single = Configuration(learning_rate=1e-3, training={"weighting": "pcgrad", "sampling": "uniform"})
    assert unfusible(prepared, single) is None


@pytest.mark.parametrize("changes", [{"data": {"validation": {"folds": 2}}}, {"objective": "cost"}])
def test_folds_and_costs_are_trained_one_by_one(objective: Objectives, changes: dict[str, Any]):
    if "objective" in changes:
        changes = {"objective": ["sentiment.accuracy", "cost.gflops"]}
    prepared = objective(**changes)
    assert unfusible(prepared, Configuration(learning_rate=1e-3)) is not None


def space_of(tasks: Sequence[str], training: Mapping[str, object], *, optional: bool = True) -> SearchSpace:
    settings = {"loss_weights": {"optional": optional}, "training": training}
    return SearchSpace(SpaceSettings.model_validate(settings), tasks, (1e-5, 1e-3), TrainingSettings())


@pytest.mark.parametrize(
    ("training", "reasons"),
    [
        ({"dropout": [0.0, 0.3]}, {}),
        ({"weighting": {"choices": ["pcgrad", "static"]}}, {"weighting pcgrad": "gradients"}),
        ({"layer_decay": {"choices": [0.8, 1.0]}}, {"layer_decay 0.8": "rates of their own"}),
        ({"freeze_layers": [0, 1]}, {"freeze_layers 1": "some layers only"}),
    ],
)
def test_what_is_searched_says_which_trials_are_not_fused(
    prepared: PreparedObjective, training: dict[str, Any], reasons: dict[str, str]
):
    found = fusion(prepared, space_of(["aspect"], training))
    assert found.why_none is None
    assert unfusible(prepared, found.example) is None
    assert found.alone.keys() == reasons.keys()
    for words, reason in reasons.items():
        assert reason in found.alone[words]
    assert len(found.sentences) == len(reasons)


@pytest.mark.parametrize("optional", [True, False])
def test_a_task_that_may_be_off_keeps_no_trial_without_it_from_fusing(objective: Objectives, optional: bool):
    prepared = objective(tasks={**TASKS, "retell": {"kind": "generation"}})
    found = fusion(prepared, space_of(["aspect", "retell"], {}, optional=optional))
    if optional:
        assert set(found.alone) == {"retell on"}
        assert set(found.example.ratios) == {"aspect"}
    else:
        assert found.sentences == ["trials train one by one: the loss of 'retell' is not computed per trial"]


@pytest.mark.parametrize("training", [{"weighting": {"choices": ["pcgrad", "dwa"]}}, {"layer_decay": [0.8, 1.0]}])
def test_where_nothing_that_is_searched_fuses_no_trial_does(prepared: PreparedObjective, training: dict[str, Any]):
    """The study's own weighting, which would fuse, is none of the choices; nobody draws just the end of a range."""
    assert fusion(prepared, space_of(["aspect"], training, optional=False)).why_none is not None


@pytest.mark.slow
def test_fewer_layers_and_a_fresh_top_are_fused_with_their_like(prepared: PreparedObjective):
    trainer = FusedTrainer(prepared, CPU, 4)
    short, fresh = (trial(1e-3, {"mixup": 0.1}, **{key: 1}) for key in ("keep_layers", "reinitialize_layers"))
    for trial_id, configuration in enumerate([short, TRIALS[1], short, fresh]):
        trainer.admit(trial_id, configuration)
    assert trainer.upcoming() == [0, 2]
    trainer.advance()
    assert trainer.upcoming() == [1, 3]
    assert all(evaluation.failure is None for evaluation in trainer.advance())
    for trial_id, configuration in ((0, short), (3, fresh)):
        assert alike(trainer.checkpoint(trial_id), trained(prepared, [configuration]).checkpoint(0))
